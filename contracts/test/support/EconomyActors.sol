// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Equivocation} from "../../src/Equivocation.sol";
import {RewardRoots} from "../../src/RewardRoots.sol";
import {Rewards} from "../../src/Rewards.sol";
import {Earned, Economy} from "./Economy.sol";

/// @notice Everybody at once: operators who pay themselves, a majority that signs for anything, proposers of lies, nodes
/// that say two things, governors who turn every knob, a dollar that calls back. Each public function is one move.
contract EconomyActors is Economy {
    uint256 public constant GENESIS = 1_000_000_000 ether;
    uint256 private constant OPERATORS = 4;
    uint256 private constant NODES = 4;

    /// @notice What must never become true; each names the rule that was broken.
    string[] public broken;
    uint256 public feesCollected;
    uint256 public sponsoredInAll;
    uint256 public slashBurned;
    uint256 public depositsBurned;
    uint256 public paidOutInAll;
    /// @notice The most that an operator may ever be minted, computed apart from the contract.
    mapping(address operator => uint256) public due;
    uint256 public dueInAll;

    mapping(address operator => mapping(uint256 epoch => uint256)) private _fees;
    mapping(uint256 epoch => bool) private _sold;
    uint256 private _firstUnsold;
    mapping(bytes32 root => uint256 kind) private _kindOf;
    bytes32[4] private _roots;
    uint256 private _slots;

    constructor() {
        RewardRoots.RootTerms memory terms = dailyRoots();
        (terms.challengeSeconds, terms.decisionSeconds) = (1 hours, 1 hours);
        deployEconomy(dailySale(), terms);
        for (uint256 i = 0; i < NODES; ++i) {
            bondNode(nodeKey(i), 10_000 ether);
        }
        for (uint256 kind = 0; kind < 4; ++kind) {
            (_roots[kind],) = rewardTree(linesOf(kind));
            _kindOf[_roots[kind]] = kind;
        }
    }

    function brokenRules() external view returns (string[] memory) {
        return broken;
    }

    function contracts() external view returns (address, address, address, address, address) {
        return (address(dollar), address(token), address(escrow), address(stake), address(rewards));
    }

    function operatorAt(uint256 i) public pure returns (address) {
        return address(uint160(0x5000 + (i % OPERATORS)));
    }

    function nodeKey(uint256 i) public pure returns (uint256) {
        return 0x1111 * (1 + (i % NODES));
    }

    function nodeAt(uint256 i) external pure returns (address) {
        return vm.addr(nodeKey(i));
    }

    // Traffic and sales

    function payAnybody(uint256 who, uint256 gross) external {
        gross = bound(gross, 1, 1_000_000 * DOLLAR);
        uint256 before = escrow.feesOf(escrow.epochNow(), operatorAt(who));
        pay(operatorAt(who), uint128(gross));
        uint256 fee = escrow.feesOf(escrow.epochNow(), operatorAt(who)) - before;
        feesCollected += fee;
        _fees[operatorAt(who)][escrow.epochNow()] += fee;
    }

    function buyLot(uint256 who) external {
        (uint256 lot, uint128 fees,, uint256 tokens) = escrow.lotForSale();
        if (fees == 0) {
            try escrow.buy(lot, type(uint256).max) {
                broken.push("an empty lot was sold");
            } catch {}
            return;
        }
        if (tokens > token.balanceOf(address(this))) return;
        (uint128 got, uint256 burned) = buy(address(uint160(0xBEEF + who % 2)));
        uint256 kappa = rewards.kappaBps();
        uint256 last = escrow.epochNow() - 1;
        uint256 sum = 0;
        for (; _firstUnsold <= last; ++_firstUnsold) {
            for (uint256 i = 0; i < OPERATORS; ++i) {
                uint256 part = _fees[operatorAt(i)][_firstUnsold];
                sum += part;
                due[operatorAt(i)] += burned * part * kappa / (uint256(got) * 10_000);
            }
        }
        dueInAll += burned * kappa / 10_000;
        if (sum != got) broken.push("a lot is not the fees of its epochs");
    }

    function payout(uint256 who) external {
        uint256 owed = escrow.owed(operatorAt(who));
        if (owed == 0) return;
        uint256 before = dollar.balanceOf(operatorAt(who));
        escrow.payout(operatorAt(who));
        paidOutInAll += owed;
        if (dollar.balanceOf(operatorAt(who)) != before + owed) broken.push("a payout was short");
    }

    function wait(uint256 durationSeconds) external {
        vm.warp(block.timestamp + bound(durationSeconds, 1, 30 hours));
    }

    // Minting

    function accrue(uint256 who, uint256 epoch) external {
        epoch = bound(epoch, 0, escrow.epochNow());
        uint256[] memory epochs = new uint256[](1);
        epochs[0] = epoch;
        bool early = epoch >= _firstUnsold;
        bool again = rewards.isAccrued(operatorAt(who), epoch);
        try rewards.accrue(operatorAt(who), epochs) {
            if (early) broken.push("an epoch was accrued before its sale");
            if (again) broken.push("an epoch was accrued twice");
        } catch {
            if (!early && !again) broken.push("a sold epoch could not be accrued");
        }
    }

    function claimReward(uint256 who, uint256 which) external {
        _claim(who % OPERATORS, which % 2);
    }

    /// @dev Claims of the same leaf, and sponsoring, in the middle of a payment.
    function callBackInTransfer(uint256 who) external {
        Earned[] memory lines = linesOf(_kindOf[rewards.finalResult().root]);
        (, bytes32[][] memory proofs) = rewardTree(lines);
        uint256 at = 2 * (who % OPERATORS) + 1;
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(Rewards.claim, (COVERAGE, lines[at].operator, lines[at].cumulative, proofs[at]));
        calls[1] = abi.encodeCall(Rewards.sponsor, (COVERAGE, 0));
        calls[2] = abi.encodeCall(RewardRoots.drop, (rewards.attempts()));
        dollar.arm(address(rewards), calls);
    }

    function sponsorIt(uint256 amount) external {
        amount = bound(amount, 1, 1_000 * DOLLAR);
        dollar.mint(address(this), amount);
        dollar.approve(address(rewards), amount);
        try rewards.sponsor(COVERAGE, amount) {
            if (!rewards.enabled(COVERAGE)) broken.push("a disabled program took money");
            sponsoredInAll += amount;
        } catch {
            if (rewards.enabled(COVERAGE)) broken.push("a sponsor was refused");
            dollar.transfer(address(0xDEAD), amount);
        }
    }

    // Roots

    function proposeRoot(uint256 who, uint256 kind) external {
        if (escrow.epochNow() == 0 || rewards.proposal().proposer != address(0)) return;
        if (stake.bonded(vm.addr(nodeKey(who))) < MINIMUM_STAKE) return;
        uint256 epoch = escrow.epochNow() - 1;
        if (rewards.anyFinal() && epoch <= rewards.finalEpoch()) return;
        proposeAs(nodeKey(who), uint64(epoch), resultOf(kind));
    }

    function challengeRoot(uint256 who, uint256 kind) external {
        RewardRoots.Proposal memory open = rewards.proposal();
        if (open.proposer == address(0) || open.challenger != address(0) || block.timestamp > open.endsAt) return;
        if (stake.bonded(vm.addr(nodeKey(who))) < MINIMUM_STAKE) return;
        if (resultOf(kind).root == open.proposed.root) return;
        challengeAs(nodeKey(who), open.attempt, resultOf(kind));
    }

    /// @dev `mask` says which nodes sign, for whatever they like.
    function decideRoot(uint256 mask, uint256 kind) external {
        RewardRoots.Proposal memory open = rewards.proposal();
        uint256 snapshotAt = escrow.epochBegin(open.epoch + 1);
        if (open.proposer == address(0) || snapshotAt >= block.timestamp) return;
        uint256 count = 0;
        uint256 weight = 0;
        uint256[] memory keys = new uint256[](NODES);
        for (uint256 i = 0; i < NODES; ++i) {
            if ((mask >> i) & 1 == 0) continue;
            keys[count] = nodeKey(i);
            ++count;
            if (!stake.expelled(vm.addr(nodeKey(i)))) weight += stake.bondedAt(vm.addr(nodeKey(i)), snapshotAt);
        }
        uint256[] memory some = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            some[i] = keys[i];
        }
        RewardRoots.Result memory result = resultOf(kind);
        RewardRoots.Vote[] memory votes = votesOf(some, open.epoch, open.attempt, result);
        uint256 supply = token.totalSupply();
        try rewards.decide(open.attempt, result, votes) {
            if (3 * weight <= 2 * stake.totalBondedAt(snapshotAt)) broken.push("a minority decided");
            if (block.timestamp > open.endsAt) broken.push("a decision came too late");
            depositsBurned += supply - token.totalSupply();
        } catch {
            if (3 * weight > 2 * stake.totalBondedAt(snapshotAt) && block.timestamp <= open.endsAt) {
                broken.push("a majority could not decide");
            }
        }
    }

    function endRoot() external {
        RewardRoots.Proposal memory open = rewards.proposal();
        if (open.proposer == address(0)) return;
        if (block.timestamp <= open.endsAt) {
            try rewards.finalize(open.attempt) {
                broken.push("a root was final inside its window");
            } catch {}
            try rewards.drop(open.attempt) {
                broken.push("a proposal was dropped inside its window");
            } catch {}
        } else if (open.challenger == address(0)) {
            rewards.finalize(open.attempt);
        } else {
            rewards.drop(open.attempt);
        }
    }

    // Stake

    function bondMore(uint256 who, uint256 amount) external {
        amount = bound(amount, 1, 10_000 ether);
        if (stake.expelled(vm.addr(nodeKey(who))) || amount > token.balanceOf(address(this))) return;
        bondNode(nodeKey(who), uint128(amount));
    }

    function unbondSome(uint256 who, uint256 amount) external {
        address node = vm.addr(nodeKey(who));
        if (stake.bonded(node) == 0 || stake.unbondings(node).length == stake.MAX_UNBONDINGS()) return;
        amount = bound(amount, 1, stake.bonded(node));
        vm.prank(operatorOf(nodeKey(who)));
        stake.unbond(node, uint128(amount));
    }

    function withdrawStake(uint256 who) external {
        address node = vm.addr(nodeKey(who));
        uint256 before = token.balanceOf(operatorOf(nodeKey(who)));
        try stake.withdraw(node) returns (uint128 amount) {
            if (token.balanceOf(operatorOf(nodeKey(who))) != before + amount) broken.push("a withdrawal was short");
        } catch {}
    }

    /// @dev A node says two things; somebody reports it, and tries to do so twice.
    function equivocate(uint256 who, uint256 luck) external {
        if (luck % 8 != 0) return;
        bytes32 slot = bytes32(++_slots);
        address node = vm.addr(nodeKey(who));
        uint256 have = uint256(stake.bonded(node)) + stake.thawing(node);
        Equivocation.Said memory first = Equivocation.Said(bytes32(uint256(1)), 0, 0);
        Equivocation.Said memory second = Equivocation.Said(bytes32(uint256(2)), 0, 0);
        (first.r, first.vs) = say(nodeKey(who), slot, first.payload);
        (second.r, second.vs) = say(nodeKey(who), slot, second.payload);
        uint256 supply = token.totalSupply();
        try equivocation.report(slot, first, second) returns (address, uint256 taken) {
            if (taken != have) broken.push("an equivocator kept something");
            slashBurned += supply - token.totalSupply();
            if (supply - token.totalSupply() < taken * 8 / 10) broken.push("a reporter got more than a fifth");
            try equivocation.report(slot, first, second) {
                broken.push("a node was punished twice");
            } catch {}
        } catch {
            if (have > 0) broken.push("an equivocator was not punished");
        }
    }

    // Governance

    function govern(uint256 which, uint256 value) external {
        vm.startPrank(governor);
        which = which % 4;
        if (which == 0) rewards.setKappaBps(uint16(bound(value, 0, 9_000)));
        else if (which == 1) escrow.setFeeBps(uint16(bound(value, 0, 1_000)));
        else if (which == 2) rewards.setProgram(COVERAGE, Rewards.Source.Sponsored, value % 2 == 0);
        else stake.addAdjudicator(address(uint160(value)));
        vm.stopPrank();
    }

    // The end of all things

    /// @notice Everybody takes what it can. Reverts if anybody cannot.
    function settleEverything() external {
        for (uint256 i = 0; i < NODES; ++i) {
            address node = vm.addr(nodeKey(i));
            if (stake.unbondings(node).length == stake.MAX_UNBONDINGS()) {
                vm.warp(block.timestamp + 15 days);
                stake.withdraw(node);
            }
            if (stake.bonded(node) == 0) continue;
            uint128 all = stake.bonded(node);
            vm.prank(operatorOf(nodeKey(i)));
            stake.unbond(node, all);
        }
        vm.warp(block.timestamp + 15 days);
        for (uint256 i = 0; i < NODES; ++i) {
            if (stake.thawing(vm.addr(nodeKey(i))) > 0) stake.withdraw(vm.addr(nodeKey(i)));
            if (escrow.owed(operatorAt(i)) > 0) escrow.payout(operatorAt(i));
        }
        RewardRoots.Proposal memory open = rewards.proposal();
        if (open.proposer != address(0)) {
            if (open.challenger == address(0)) rewards.finalize(open.attempt);
            else rewards.drop(open.attempt);
        }
        for (uint256 i = 0; i < OPERATORS; ++i) {
            _claim(i, 0);
            _claim(i, 1);
        }
    }

    function _claim(uint256 who, uint256 which) private {
        bytes32 root = rewards.finalResult().root;
        if (root == 0) return;
        Earned[] memory lines = linesOf(_kindOf[root]);
        (, bytes32[][] memory proofs) = rewardTree(lines);
        uint256 at = 2 * who + which;
        uint256 before = token.balanceOf(lines[at].operator);
        uint256 supply = token.totalSupply();
        try rewards.claim(lines[at].program, lines[at].operator, lines[at].cumulative, proofs[at]) returns (
            uint256 paid
        ) {
            if (which == 0 && token.balanceOf(lines[at].operator) != before + paid) {
                broken.push("minted to another");
            }
            if (which == 1 && token.totalSupply() != supply) broken.push("a sponsored program minted");
        } catch {}
    }

    function resultOf(uint256 kind) private view returns (RewardRoots.Result memory) {
        return RewardRoots.Result(_roots[kind % 4], keccak256("evidence"));
    }

    /// @dev Kind 0 is modest, 1 favours one operator, 2 and 3 give everybody everything.
    function linesOf(uint256 kind) private pure returns (Earned[] memory lines) {
        lines = new Earned[](2 * OPERATORS);
        for (uint256 i = 0; i < OPERATORS; ++i) {
            uint256 amount = kind == 0 ? (i + 1) * 1e15 : kind == 1 ? (i == 0 ? 1e30 : 0) : type(uint256).max - kind;
            lines[2 * i] = Earned(UTILITY, operatorAt(i), amount);
            lines[2 * i + 1] = Earned(COVERAGE, operatorAt(i), kind == 0 ? 1_000 : amount);
        }
    }
}
