// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RewardRoots} from "../src/RewardRoots.sol";
import {Rewards} from "../src/Rewards.sol";
import {Equivocation} from "../src/Equivocation.sol";
import {Economy} from "./support/Economy.sol";

contract RewardRootsTest is Economy {
    uint256[4] private keys = [uint256(0x1111), 0x2222, 0x3333, 0x4444];
    RewardRoots.Result private honest = RewardRoots.Result(keccak256("honest root"), keccak256("evidence"));
    RewardRoots.Result private lie = RewardRoots.Result(keccak256("lie"), keccak256("made up"));
    RewardRoots.Result private otherLie = RewardRoots.Result(keccak256("other lie"), keccak256("made up"));

    /// @dev Three nodes of equal stake and one with a tenth of theirs; epoch 0 is over.
    function setUp() public {
        deployEconomy(dailySale(), dailyRoots());
        for (uint256 i = 0; i < 4; ++i) {
            bondNode(keys[i], i < 3 ? 10_000 ether : 1_000 ether);
        }
        nextEpoch();
        vm.warp(block.timestamp + 1);
    }

    function test_unchallenged_isFinalAfterTheWindow() public {
        uint64 attempt = proposeAs(keys[0], 0, honest);
        uint64 endsAt = rewards.proposal().endsAt;
        assertEq(endsAt, block.timestamp + 1 days, "a day");
        vm.warp(endsAt);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.WindowOpen.selector, endsAt));
        rewards.finalize(attempt);
        vm.warp(endsAt + 1);
        vm.expectEmit(address(rewards));
        emit RewardRoots.RootFinal(0, attempt, honest.root, honest.evidence);
        rewards.finalize(attempt);
        assertEq(rewards.finalResult().root, honest.root, "root");
        assertEq(token.balanceOf(operatorOf(keys[0])), DEPOSIT, "the deposit is back");
        assertEq(token.balanceOf(address(rewards)), 0, "nothing stays");
        vm.expectRevert(RewardRoots.NoProposal.selector);
        rewards.finalize(attempt);
    }

    function test_propose_needsAnEpochThatIsOverAndNew() public {
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.EpochNotOver.selector, 1, 1));
        this.proposeOutside(keys[0], 1, honest);
        settleRoot(keys[0], 0, honest.root);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.EpochAlreadyFinal.selector, 0, 0));
        this.proposeOutside(keys[0], 0, lie);
    }

    /// @dev Votes count by stake at the epoch's end, and it must still be there, thawing at least, when they are cast.
    function test_propose_refusesEpochsWhoseStakeMayBeGone() public {
        uint256 lastMoment = escrow.epochBegin(1) + 12 days - 3 days;
        vm.warp(lastMoment + 1);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.EpochTooOld.selector, 0, lastMoment));
        this.proposeOutside(keys[0], 0, honest);
        assertTrue(rewards.MAX_AGE_SECONDS() < stake.UNBOND_SECONDS(), "votes end before stake can leave");
        vm.warp(lastMoment);
        proposeAs(keys[0], 0, honest);
    }

    function test_propose_needsStakeOfOnesOwn() public {
        address rich = vm.addr(keys[0]);
        vm.expectRevert(
            abi.encodeWithSelector(RewardRoots.NotTheNodesOperator.selector, address(this), operatorOf(keys[0]))
        );
        rewards.propose(0, honest, rich);
        bondNode(0x5555, MINIMUM_STAKE - 1);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.StakeTooSmall.selector, MINIMUM_STAKE - 1, MINIMUM_STAKE));
        this.proposeOutside(0x5555, 0, honest);
    }

    function test_propose_oneAtATime() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.ProposalOpen.selector, attempt));
        this.proposeOutside(keys[1], 0, honest);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.WrongAttempt.selector, attempt + 1, attempt));
        rewards.finalize(attempt + 1);
    }

    function test_challenge_inTimeWithAnotherResult() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        vm.expectRevert(RewardRoots.SameResult.selector);
        this.challengeOutside(keys[1], attempt, lie);
        challengeAs(keys[1], attempt, honest);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.AlreadyChallenged.selector, operatorOf(keys[1])));
        this.challengeOutside(keys[2], attempt, otherLie);
        vm.warp(rewards.proposal().endsAt + 1);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.AlreadyChallenged.selector, operatorOf(keys[1])));
        rewards.finalize(attempt);
    }

    function test_challenge_tooLate() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        uint64 endsAt = rewards.proposal().endsAt;
        vm.warp(endsAt + 1);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.WindowOver.selector, endsAt));
        this.challengeOutside(keys[1], attempt, honest);
    }

    function test_decide_theProposerOfALieLosesItsDeposit() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        challengeAs(keys[3], attempt, honest);
        uint256 supply = token.totalSupply();
        rewards.decide(attempt, honest, votesOf(three(), 0, attempt, honest));
        assertEq(rewards.finalResult().root, honest.root, "root");
        assertEq(token.balanceOf(operatorOf(keys[0])), 0, "proposer");
        assertEq(token.balanceOf(operatorOf(keys[3])), DEPOSIT + DEPOSIT / 2, "challenger");
        assertEq(supply - token.totalSupply(), DEPOSIT / 2, "burned");
        assertEq(token.balanceOf(address(rewards)), 0, "nothing stays");
    }

    function test_decide_theChallengerOfTheTruthLosesItsDeposit() public {
        uint64 attempt = proposeAs(keys[0], 0, honest);
        challengeAs(keys[3], attempt, lie);
        rewards.decide(attempt, honest, votesOf(three(), 0, attempt, honest));
        assertEq(token.balanceOf(operatorOf(keys[0])), DEPOSIT + DEPOSIT / 2, "proposer");
        assertEq(token.balanceOf(operatorOf(keys[3])), 0, "challenger");
    }

    /// @dev A liar and its friend fill both places. The voters are not bound to what is there.
    function test_decide_twoLiarsInLeagueLoseBothDeposits() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        challengeAs(keys[3], attempt, otherLie);
        uint256 supply = token.totalSupply();
        rewards.decide(attempt, honest, votesOf(three(), 0, attempt, honest));
        assertEq(rewards.finalResult().root, honest.root, "root");
        assertEq(supply - token.totalSupply(), 2 * DEPOSIT, "both burned");
        assertEq(token.balanceOf(address(rewards)), 0, "nothing stays");
    }

    function test_decide_alsoWithoutAChallenge() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        rewards.decide(attempt, honest, votesOf(three(), 0, attempt, honest));
        assertEq(rewards.finalResult().root, honest.root, "root");
        assertEq(token.balanceOf(operatorOf(keys[0])), 0, "the liar's deposit is burned");
        nextEpoch();
        vm.warp(block.timestamp + 1);
        attempt = proposeAs(keys[0], 1, lie);
        rewards.decide(attempt, lie, votesOf(three(), 1, attempt, lie));
        assertEq(token.balanceOf(operatorOf(keys[0])), DEPOSIT, "the winner's is not");
    }

    /// @dev Two of three thirds are not more than two thirds.
    function test_decide_needsMoreThanTwoThirds() public {
        uint64 attempt = proposeAs(keys[0], 0, honest);
        uint256[] memory two = new uint256[](2);
        (two[0], two[1]) = (keys[0], keys[1]);
        RewardRoots.Vote[] memory votes = votesOf(two, 0, attempt, honest);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.NotEnoughVotes.selector, 20_000 ether, 31_000 ether));
        rewards.decide(attempt, honest, votes);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.NotEnoughVotes.selector, 0, 31_000 ether));
        rewards.decide(attempt, honest, new RewardRoots.Vote[](0));
    }

    function test_decide_exactlyTwoThirdsAreNotEnough() public {
        deployEconomy(dailySale(), dailyRoots());
        for (uint256 i = 0; i < 3; ++i) {
            bondNode(keys[i], 10_000 ether);
        }
        nextEpoch();
        vm.warp(block.timestamp + 1);
        uint64 attempt = proposeAs(keys[0], 0, honest);
        uint256[] memory two = new uint256[](2);
        (two[0], two[1]) = (keys[0], keys[1]);
        RewardRoots.Vote[] memory votes = votesOf(two, 0, attempt, honest);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.NotEnoughVotes.selector, 20_000 ether, 30_000 ether));
        rewards.decide(attempt, honest, votes);
    }

    function test_decide_nobodyCountsTwice() public {
        uint64 attempt = proposeAs(keys[0], 0, honest);
        RewardRoots.Vote[] memory votes = votesOf(three(), 0, attempt, honest);
        votes[1] = votes[0];
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.VotesNotSorted.selector, 1));
        rewards.decide(attempt, honest, votes);
    }

    /// @dev A vote for one result, attempt or contract is none for another.
    function test_decide_votesAreBound() public {
        uint64 attempt = proposeAs(keys[0], 0, honest);
        RewardRoots.Vote[] memory forLie = votesOf(three(), 0, attempt, lie);
        RewardRoots.Vote[] memory forNext = votesOf(three(), 0, attempt + 1, honest);
        vm.expectRevert();
        rewards.decide(attempt, honest, forLie);
        vm.expectRevert();
        rewards.decide(attempt, honest, forNext);
        bytes32 here = rewards.decisionSlot(0, attempt);
        vm.chainId(1);
        assertTrue(rewards.decisionSlot(0, attempt) != here, "chain");
    }

    /// @dev Tokens that are bonded after the epoch's end, or only for one block, have no vote.
    function test_decide_stakeIsThatOfTheEpochsEnd() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        bondNode(0xF1A5, 1_000_000 ether);
        uint256[] memory one = new uint256[](1);
        one[0] = 0xF1A5;
        RewardRoots.Vote[] memory votes = votesOf(one, 0, attempt, lie);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.NotEnoughVotes.selector, 0, 31_000 ether));
        rewards.decide(attempt, lie, votes);
    }

    /// @dev Even stake that is bonded in the snapshot's own second cannot be taken out again before it could be lost.
    function test_decide_stakeOfASecondIsStuckForAFortnight() public {
        nextEpoch();
        address node = bondNode(0xF1A5, 1_000_000 ether);
        vm.prank(operatorOf(0xF1A5));
        stake.unbond(node, 1_000_000 ether);
        vm.expectRevert();
        stake.withdraw(node);
        uint256 snapshotAt = block.timestamp;
        vm.warp(snapshotAt + 1);
        assertEq(stake.bondedAt(node, snapshotAt), 0, "bonded and unbonded in one second is no vote");
    }

    /// @dev Whoever signed for both sides is slashed, and its vote is gone.
    function test_decide_equivocatorsHaveNoVote() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        challengeAs(keys[1], attempt, honest);
        bytes32 slot = rewards.decisionSlot(0, attempt);
        Equivocation.Said memory first = said(keys[2], slot, honest);
        Equivocation.Said memory second = said(keys[2], slot, lie);
        equivocation.report(slot, first, second);
        assertEq(stake.bonded(vm.addr(keys[2])), 0, "slashed");
        RewardRoots.Vote[] memory votes = votesOf(three(), 0, attempt, honest);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.NotEnoughVotes.selector, 20_000 ether, 31_000 ether));
        rewards.decide(attempt, honest, votes);
    }

    function test_decide_inTime() public {
        uint64 attempt = proposeAs(keys[0], 0, lie);
        challengeAs(keys[1], attempt, honest);
        uint64 endsAt = rewards.proposal().endsAt;
        assertEq(endsAt, block.timestamp + 2 days, "two days");
        RewardRoots.Vote[] memory votes = votesOf(three(), 0, attempt, honest);
        vm.warp(endsAt);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.WindowOpen.selector, endsAt));
        rewards.drop(attempt);
        vm.warp(endsAt + 1);
        vm.expectRevert(abi.encodeWithSelector(RewardRoots.WindowOver.selector, endsAt));
        rewards.decide(attempt, honest, votes);
        rewards.drop(attempt);
        assertEq(token.balanceOf(operatorOf(keys[0])), DEPOSIT, "proposer");
        assertEq(token.balanceOf(operatorOf(keys[1])), DEPOSIT, "challenger");
        assertEq(token.balanceOf(address(rewards)), 0, "nothing stays");
        assertEq(proposeAs(keys[0], 0, honest), attempt + 1, "the next may come");
    }

    function test_drop_needsAChallenge() public {
        uint64 attempt = proposeAs(keys[0], 0, honest);
        vm.warp(block.timestamp + 10 days);
        vm.expectRevert(RewardRoots.NotChallenged.selector);
        rewards.drop(attempt);
    }

    function test_terms() public {
        RewardRoots.RootTerms[6] memory bad;
        for (uint256 i = 0; i < 6; ++i) {
            bad[i] = dailyRoots();
        }
        bad[0].challengeSeconds = 0;
        bad[1].decisionSeconds = 0;
        bad[2].minimumStake = 0;
        bad[3].deposit = 0;
        bad[4].challengeSeconds = 5 days;
        bad[4].decisionSeconds = 1 days + 1;
        bad[5].challengeSeconds = 1 days - 1;
        for (uint256 i = 0; i < 6; ++i) {
            // Short windows are for development chains.
            if (i == 5) vm.chainId(8453);
            vm.expectRevert(RewardRoots.RootTermsInvalid.selector);
            new Rewards(token, stake, escrow, governor, KAPPA_BPS, bad[i], firstPrograms());
        }
        bad[5].challengeSeconds = 1 days;
        new Rewards(token, stake, escrow, governor, KAPPA_BPS, bad[5], firstPrograms());
    }

    function proposeOutside(uint256 key, uint64 epoch, RewardRoots.Result memory result) external {
        proposeAs(key, epoch, result);
    }

    function challengeOutside(uint256 key, uint64 attempt, RewardRoots.Result memory result) external {
        challengeAs(key, attempt, result);
    }

    function three() private view returns (uint256[] memory some) {
        some = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            some[i] = keys[i];
        }
    }

    function said(uint256 key, bytes32 slot, RewardRoots.Result memory result)
        private
        pure
        returns (Equivocation.Said memory made)
    {
        made.payload = keccak256(abi.encode(result.root, result.evidence));
        (made.r, made.vs) = say(key, slot, made.payload);
    }
}
