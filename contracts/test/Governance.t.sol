// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Escrow} from "../src/Escrow.sol";
import {Rewards} from "../src/Rewards.sol";
import {Stake} from "../src/Stake.sol";
import {SteadGovernor} from "../src/SteadGovernor.sol";
import {SteadTimelock} from "../src/SteadTimelock.sol";
import {SteadToken} from "../src/SteadToken.sol";
import {Economy} from "./support/Economy.sol";

/// @notice The real governor and timelock, and a majority that wants everything it can get.
contract GovernanceTest is Economy {
    address private constant MAJORITY = address(0x3A1);
    SteadTimelock private timelock;
    SteadGovernor private council;

    function setUp() public {
        vm.warp(1_800_000_000);
        address councilAt = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        timelock = new SteadTimelock(2 days, councilAt);
        // The contracts come after the governor; their addresses are known before.
        uint256 nonce = vm.getNonce(address(this));
        council = new SteadGovernor(
            SteadToken(vm.computeCreateAddress(address(this), nonce + 2)),
            timelock,
            Escrow(vm.computeCreateAddress(address(this), nonce + 5)),
            Stake(vm.computeCreateAddress(address(this), nonce + 4)),
            Rewards(vm.computeCreateAddress(address(this), nonce + 6)),
            SteadGovernor.VotingTerms({
                votingDelay: 1 days, votingPeriod: 5 days, proposalThreshold: 1_000 ether, quorumBps: 400
            })
        );
        governor = address(timelock);
        deployEconomy(dailySale(), dailyRoots());
        assertEq(address(council.escrow()), address(escrow), "escrow");
        assertEq(address(council.stake()), address(stake), "stake");
        assertEq(address(council.rewards()), address(rewards), "rewards");
        assertEq(address(council.token()), address(token), "token");
        token.transfer(MAJORITY, token.balanceOf(address(this)) * 6 / 10);
        vm.prank(MAJORITY);
        token.delegate(MAJORITY);
        vm.warp(block.timestamp + 1);
    }

    function test_allowedCallsTakeTheWholeWay() public {
        pass(address(escrow), abi.encodeCall(Escrow.setFeeBps, (1_000)));
        assertEq(escrow.feeBps(), 1_000, "fee");
        pass(address(rewards), abi.encodeCall(Rewards.setKappaBps, (5_000)));
        assertEq(rewards.kappaBps(), KAPPA_BPS, "of this second");
        vm.warp(block.timestamp + 1);
        assertEq(rewards.kappaBps(), 5_000, "of the next");
        pass(address(rewards), abi.encodeCall(Rewards.setProgram, (keccak256("new"), Rewards.Source.Sponsored, true)));
        assertTrue(rewards.enabled(keccak256("new")), "program");
        pass(address(stake), abi.encodeCall(Stake.addAdjudicator, (address(0x99))));
        assertTrue(stake.adjudicatorFrom(address(0x99)) > block.timestamp, "adjudicator");
        pass(address(stake), abi.encodeCall(Stake.removeAdjudicator, (address(0x99))));
        assertEq(stake.adjudicatorFrom(address(0x99)), 0, "removed");
    }

    /// @dev The limits are the contracts' own: a unanimous vote does not move them.
    function test_limitsStandWhateverTheVote() public {
        failsToExecute(address(escrow), abi.encodeCall(Escrow.setFeeBps, (1_001)));
        failsToExecute(address(rewards), abi.encodeCall(Rewards.setKappaBps, (9_001)));
        failsToExecute(address(rewards), abi.encodeCall(Rewards.setProgram, (COVERAGE, Rewards.Source.Minted, true)));
    }

    /// @dev The timelock holds the exchange's liquidity and all the power there is; nothing else can be asked of it.
    function test_everythingElseCannotEvenBeProposed() public {
        token.transfer(address(timelock), 1_000 ether);
        refuses(address(token), abi.encodeCall(token.transfer, (MAJORITY, 1_000 ether)));
        refuses(address(token), abi.encodeCall(token.approve, (MAJORITY, 1_000 ether)));
        refuses(address(timelock), abi.encodeCall(TimelockController.updateDelay, (0)));
        refuses(
            address(timelock), abi.encodeWithSignature("grantRole(bytes32,address)", timelock.PROPOSER_ROLE(), MAJORITY)
        );
        refuses(address(council), abi.encodeCall(SteadGovernor.updateTimelock, (timelock)));
        refuses(address(council), abi.encodeWithSignature("relay(address,uint256,bytes)", address(token), 0, ""));
        refuses(address(stake), abi.encodeCall(Stake.slash, (MAJORITY, bytes32(0), 10_000, MAJORITY)));
        refuses(address(escrow), abi.encodeCall(Escrow.payout, (MAJORITY)));
        refuses(address(rewards), "");
        // A short calldata beside an allowed one, and lists of different length, change nothing.
        address[] memory targets = new address[](2);
        (targets[0], targets[1]) = (address(escrow), address(token));
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(Escrow.setFeeBps, (1));
        calls[1] = abi.encodeCall(token.transfer, (MAJORITY, 1));
        vm.prank(MAJORITY);
        vm.expectPartialRevert(SteadGovernor.CallNotAllowed.selector);
        council.propose(targets, new uint256[](2), calls, "both");
        vm.prank(MAJORITY);
        vm.expectRevert();
        council.propose(targets, new uint256[](2), new bytes[](1), "one call");
    }

    function test_nobodyGoesAroundTheGovernor() public {
        bytes memory data = abi.encodeCall(Escrow.setFeeBps, (0));
        vm.prank(MAJORITY);
        vm.expectRevert();
        timelock.schedule(address(escrow), 0, data, 0, 0, 2 days);
        vm.expectRevert();
        timelock.execute(address(escrow), 0, data, 0, 0);
        assertTrue(!timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(this)), "no administrator");
        vm.expectRevert(SteadGovernor.TimelockIsFixed.selector);
        council.updateTimelock(timelock);
    }

    function test_votesAreThoseOfTheSnapshot() public {
        vm.expectPartialRevert(IGovernor.GovernorInsufficientProposerVotes.selector);
        propose(address(this), address(escrow), abi.encodeCall(Escrow.setFeeBps, (1)));
        uint256 id = propose(MAJORITY, address(escrow), abi.encodeCall(Escrow.setFeeBps, (1)));
        vm.warp(block.timestamp + 1 days + 1);
        token.delegate(address(this));
        assertEq(council.castVote(id, 1), 0, "bought or delegated later: no vote");
        assertEq(council.quorum(block.timestamp - 1), token.totalSupply() * 4 / 100, "quorum");
        vm.warp(block.timestamp + 5 days);
        assertEq(uint256(council.state(id)), uint256(IGovernor.ProposalState.Defeated), "no quorum");
    }

    /// @dev The worst that a majority can do: highest fee, no minting, all adjudicators out, hostile ones in. Whoever
    /// has money in the contracts still gets it.
    function test_noDecisionHoldsMoneyBack() public {
        pay(address(0xA1), 100 * DOLLAR);
        address node = bondNode(0x1111, MINIMUM_STAKE);
        dollar.mint(payer, 50 * DOLLAR);
        vm.prank(payer);
        bytes32 purse = escrow.fund(keccak256("root"), 50 * DOLLAR, address(0), keccak256("held"));
        nextEpoch();
        buy(address(0xBEEF));
        pass(address(escrow), abi.encodeCall(Escrow.setFeeBps, (1_000)));
        pass(address(rewards), abi.encodeCall(Rewards.setKappaBps, (0)));
        pass(address(rewards), abi.encodeCall(Rewards.setProgram, (UTILITY, Rewards.Source.Minted, false)));
        pass(address(stake), abi.encodeCall(Stake.removeAdjudicator, (address(equivocation))));
        pass(address(stake), abi.encodeCall(Stake.addAdjudicator, (MAJORITY)));

        vm.prank(operatorOf(0x1111));
        uint64 endsAt = stake.unbond(node, MINIMUM_STAKE);
        vm.prank(payer);
        escrow.thaw(purse);
        vm.warp(endsAt);
        vm.prank(MAJORITY);
        vm.expectRevert();
        stake.slash(node, 0, 10_000, MAJORITY);
        stake.withdraw(node);
        assertEq(token.balanceOf(operatorOf(0x1111)), MINIMUM_STAKE, "stake");
        escrow.payout(address(0xA1));
        assertEq(dollar.balanceOf(address(0xA1)), 95 * DOLLAR, "pay, less the fee of the purse's funding");
        assertEq(escrow.close(purse), 50 * DOLLAR, "refund");
        assertTrue(rewards.accrue(address(0xA1), new uint256[](1)) > 0, "and what was burned is still counted");
    }

    function propose(address by, address target, bytes memory call) private returns (uint256) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = one(target, call);
        vm.prank(by);
        return council.propose(targets, values, calls, "");
    }

    function refuses(address target, bytes memory call) private {
        vm.expectRevert(abi.encodeWithSelector(SteadGovernor.CallNotAllowed.selector, 0, target, bytes4(call)));
        propose(MAJORITY, target, call);
    }

    function pass(address target, bytes memory call) private {
        voteFor(target, call);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = one(target, call);
        vm.expectRevert();
        council.execute(targets, values, calls, keccak256(""));
        vm.warp(block.timestamp + 2 days);
        council.execute(targets, values, calls, keccak256(""));
    }

    function failsToExecute(address target, bytes memory call) private {
        voteFor(target, call);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = one(target, call);
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert();
        council.execute(targets, values, calls, keccak256(""));
    }

    function voteFor(address target, bytes memory call) private {
        uint256 id = propose(MAJORITY, target, call);
        vm.warp(block.timestamp + 1 days + 1);
        vm.prank(MAJORITY);
        council.castVote(id, 1);
        vm.warp(block.timestamp + 5 days);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = one(target, call);
        council.queue(targets, values, calls, keccak256(""));
    }

    function one(address target, bytes memory call)
        private
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        targets = new address[](1);
        targets[0] = target;
        values = new uint256[](1);
        calls = new bytes[](1);
        calls[0] = call;
    }
}
