// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Equivocation} from "../../src/Equivocation.sol";
import {Escrow} from "../../src/Escrow.sol";
import {FeeLots} from "../../src/FeeLots.sol";
import {RewardRoots} from "../../src/RewardRoots.sol";
import {Rewards} from "../../src/Rewards.sol";
import {Stake} from "../../src/Stake.sol";
import {SteadToken} from "../../src/SteadToken.sol";
import {Claims, Made} from "./Claims.sol";
import {Digests} from "./EscrowTest.sol";
import {HostileToken} from "./HostileToken.sol";
import {Leaf, Trees} from "./Trees.sol";
import {Test, Vm} from "./Vm.sol";

/// @notice One line of a reward root.
struct Earned {
    bytes32 program;
    address operator;
    uint256 cumulative;
}

/// @notice All contracts of the economy, connected as genesis connects them, with `governor` in the timelock's place.
abstract contract Economy is Test {
    uint256 internal constant PAYER_KEY = 0xA11CE;
    uint128 internal constant DOLLAR = 1_000_000;
    bytes32 internal constant UTILITY = keccak256("utility");
    bytes32 internal constant COVERAGE = keccak256("coverage");
    uint128 internal constant MINIMUM_STAKE = 1_000 ether;
    uint128 internal constant DEPOSIT = 100 ether;
    uint16 internal constant KAPPA_BPS = 8_000;

    HostileToken internal dollar;
    SteadToken internal token;
    Escrow internal escrow;
    Stake internal stake;
    Equivocation internal equivocation;
    Rewards internal rewards;
    address internal governor = address(0x60F);
    address internal payer;
    uint256 private salts;

    /// @dev Ten tokens are worth about a dollar; the first sale starts at twenty.
    function deployEconomy(FeeLots.SaleTerms memory sale, RewardRoots.RootTerms memory roots) internal {
        vm.warp(1_800_000_000);
        payer = vm.addr(PAYER_KEY);
        dollar = new HostileToken(6);
        uint256 nonce = vm.getNonce(address(this));
        address stakeAt = vm.computeCreateAddress(address(this), nonce + 2);
        address rewardsAt = vm.computeCreateAddress(address(this), nonce + 4);
        token = new SteadToken(rewardsAt, address(this), 1_000_000_000 ether);
        equivocation = new Equivocation(Stake(stakeAt));
        address[] memory adjudicators = new address[](1);
        adjudicators[0] = address(equivocation);
        stake = new Stake(token, governor, adjudicators);
        escrow = new Escrow(IERC20Metadata(address(dollar)), token, governor, 1 days, 500, sale);
        rewards = new Rewards(token, stake, escrow, governor, KAPPA_BPS, roots, firstPrograms());
        assertEq(address(rewards), rewardsAt, "rewards' address");
        assertEq(address(stake), stakeAt, "stake's address");
        vm.prank(payer);
        dollar.approve(address(escrow), type(uint256).max);
    }

    function firstPrograms() internal pure returns (Rewards.Program[] memory programs) {
        programs = new Rewards.Program[](2);
        programs[0] = Rewards.Program(UTILITY, Rewards.Source.Minted);
        programs[1] = Rewards.Program(COVERAGE, Rewards.Source.Sponsored);
    }

    function dailySale() internal pure returns (FeeLots.SaleTerms memory) {
        return FeeLots.SaleTerms({epochSeconds: 1 days, halvingSeconds: 1 hours, firstPrice: 2e13, minimumLot: 1});
    }

    function dailyRoots() internal pure returns (RewardRoots.RootTerms memory) {
        return RewardRoots.RootTerms({
            challengeSeconds: 1 days, decisionSeconds: 2 days, minimumStake: MINIMUM_STAKE, deposit: DEPOSIT
        });
    }

    // Traffic

    /// @dev Some payer pays `gross` to an operator's node, by a purse of its own; the operator's fee is 5 %.
    function pay(address operator, uint128 gross) internal {
        Leaf memory leaf = Leaf(address(uint160(operator) + 0x1000), operator, gross);
        dollar.mint(payer, gross);
        vm.prank(payer);
        bytes32 purse = escrow.fund(Trees.leaf(leaf).hash, gross, address(0), bytes32(++salts));
        escrow.claim(Claims.batched(voucher(purse, leaf, gross)));
    }

    function voucher(bytes32 purse, Leaf memory leaf, uint128 cumulative) internal view returns (Made memory made) {
        made.purse = purse;
        made.node = leaf.node;
        made.operator = leaf.operator;
        made.allocation = leaf.allocation;
        made.cumulative = cumulative;
        made.opens = true;
        made.signature = sign65(PAYER_KEY, Digests.voucher(address(escrow), purse, leaf, cumulative));
    }

    /// @dev `buyer` buys what is for sale, for tokens that it has or is given by genesis.
    function buy(address buyer) internal returns (uint128 fees, uint256 tokens) {
        uint256 lot;
        (lot,,, tokens) = escrow.lotForSale();
        uint256 have = token.balanceOf(buyer);
        if (have < tokens) token.transfer(buyer, tokens - have);
        vm.prank(buyer);
        token.approve(address(escrow), tokens);
        vm.prank(buyer);
        return escrow.buy(lot, tokens);
    }

    function nextEpoch() internal {
        vm.warp(escrow.epochBegin(escrow.epochNow() + 1));
    }

    // Stake and votes

    function operatorOf(uint256 key) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("operator", key)))));
    }

    function consent(uint256 key, address operator) internal view returns (bytes memory) {
        bytes32 structHash =
            keccak256(abi.encode(keccak256("NodeConsent(address node,address operator)"), vm.addr(key), operator));
        return sign65(key, Digests.typed(Digests.domain("Stead Stake", address(stake)), structHash));
    }

    function bondNode(uint256 key, uint128 amount) internal returns (address node) {
        node = vm.addr(key);
        address operator = operatorOf(key);
        token.transfer(operator, amount);
        bytes memory agreed = consent(key, operator);
        vm.startPrank(operator);
        token.approve(address(stake), amount);
        stake.bond(node, amount, agreed);
        vm.stopPrank();
    }

    function statementDigest(bytes32 slot, bytes32 payload) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Stead"), keccak256("1"))
        );
        bytes32 typeHash = keccak256("Statement(bytes32 slot,bytes32 payload)");
        return Digests.typed(domain, keccak256(abi.encode(typeHash, slot, payload)));
    }

    /// @dev EIP-2098 halves of a node's signature.
    function say(uint256 key, bytes32 slot, bytes32 payload) internal pure returns (bytes32 r, bytes32 vs) {
        return abi.decode(sign64(key, statementDigest(slot, payload)), (bytes32, bytes32));
    }

    function votesOf(uint256[] memory keys, uint64 epoch, uint64 attempt, RewardRoots.Result memory result)
        internal
        view
        returns (RewardRoots.Vote[] memory votes)
    {
        votes = new RewardRoots.Vote[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            for (uint256 j = i + 1; j < keys.length; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
            bytes32 slot = rewards.decisionSlot(epoch, attempt);
            (votes[i].r, votes[i].vs) = say(keys[i], slot, keccak256(abi.encode(result.root, result.evidence)));
        }
    }

    // Rewards

    function rewardLeaf(Earned memory earned) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(earned.program, earned.operator, earned.cumulative))));
    }

    /// @dev Root of a chain-shaped tree: leaf i hangs at depth i. Any shape will do for OpenZeppelin's proofs.
    function rewardTree(Earned[] memory lines) internal pure returns (bytes32 root, bytes32[][] memory proofs) {
        proofs = new bytes32[][](lines.length);
        root = rewardLeaf(lines[0]);
        for (uint256 i = 1; i < lines.length; ++i) {
            bytes32 leaf = rewardLeaf(lines[i]);
            for (uint256 j = 0; j < i; ++j) {
                proofs[j] = appended(proofs[j], leaf);
            }
            proofs[i] = appended(proofs[i], root);
            root = root < leaf ? keccak256(abi.encode(root, leaf)) : keccak256(abi.encode(leaf, root));
        }
    }

    function appended(bytes32[] memory list, bytes32 last) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    function proposeAs(uint256 key, uint64 epoch, RewardRoots.Result memory result) internal returns (uint64) {
        address operator = operatorOf(key);
        token.transfer(operator, DEPOSIT);
        vm.prank(operator);
        token.approve(address(rewards), DEPOSIT);
        vm.prank(operator);
        return rewards.propose(epoch, result, vm.addr(key));
    }

    function challengeAs(uint256 key, uint64 attempt, RewardRoots.Result memory result) internal {
        address operator = operatorOf(key);
        token.transfer(operator, DEPOSIT);
        vm.prank(operator);
        token.approve(address(rewards), DEPOSIT);
        vm.prank(operator);
        rewards.challenge(attempt, result, vm.addr(key));
    }

    /// @dev Makes a root final that nobody objects to; `key`'s node must be bonded.
    function settleRoot(uint256 key, uint64 epoch, bytes32 root) internal {
        uint64 attempt = proposeAs(key, epoch, RewardRoots.Result(root, keccak256("evidence")));
        vm.warp(rewards.proposal().endsAt + 1);
        rewards.finalize(attempt);
    }
}
