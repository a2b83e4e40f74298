// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RewardRoots} from "../src/RewardRoots.sol";
import {Rewards} from "../src/Rewards.sol";
import {SteadToken} from "../src/SteadToken.sol";
import {Earned, Economy} from "./support/Economy.sol";

contract RewardsTest is Economy {
    uint256 private constant NODE = 0x1111;
    address private constant ANN = address(0xA1);
    address private constant BOB = address(0xB1);
    address private constant BUYER = address(0xBEEF);
    address private constant SPONSOR = address(0x5B0);
    bytes32[] private none;

    function setUp() public {
        deployEconomy(dailySale(), dailyRoots());
        bondNode(NODE, MINIMUM_STAKE);
    }

    function test_accrue_isTheOperatorsPartOfWhatWasBurned() public {
        uint256 burned = sellEpoch(100 * DOLLAR, 300 * DOLLAR);
        assertEq(rewards.accruable(ANN, 0), burned / 4 * 8 / 10, "ann could");
        assertEq(rewards.accrue(ANN, list(0)), burned / 4 * 8 / 10, "ann");
        assertEq(rewards.accrue(BOB, list(0)), burned * 3 / 4 * 8 / 10, "bob");
        assertEq(rewards.cap(ANN), burned / 4 * 8 / 10, "cap");
        assertTrue(rewards.isAccrued(ANN, 0), "accrued");
        assertEq(rewards.accruable(ANN, 0), 0, "no more");
    }

    function test_accrue_onceOnly() public {
        sellEpoch(100 * DOLLAR, 300 * DOLLAR);
        rewards.accrue(ANN, list(0));
        vm.expectRevert(abi.encodeWithSelector(Rewards.AlreadyAccrued.selector, ANN, 0));
        rewards.accrue(ANN, list(0));
        uint256[] memory twice = new uint256[](2);
        vm.expectRevert(abi.encodeWithSelector(Rewards.AlreadyAccrued.selector, BOB, 0));
        rewards.accrue(BOB, twice);
    }

    /// @dev Asking too early must not use up the one time.
    function test_accrue_waitsForTheSale() public {
        pay(ANN, 100 * DOLLAR);
        nextEpoch();
        assertEq(rewards.accruable(ANN, 0), 0, "not yet");
        vm.expectRevert(abi.encodeWithSelector(Rewards.EpochNotSold.selector, 0));
        rewards.accrue(ANN, list(0));
        buy(BUYER);
        assertTrue(rewards.accrue(ANN, list(0)) > 0, "now");
    }

    function test_kappa_isThatOfTheSale() public {
        vm.expectRevert(abi.encodeWithSelector(Rewards.NotTheGovernor.selector, address(this), governor));
        rewards.setKappaBps(1);
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(Rewards.KappaTooHigh.selector, 9_001, 9_000));
        rewards.setKappaBps(9_001);

        uint256 first = sellEpoch(100 * DOLLAR, 0);
        // In the very second of the sale, and before it is accrued: the lot's κ stands.
        vm.prank(governor);
        rewards.setKappaBps(5_000);
        uint256 second = sellEpoch(100 * DOLLAR, 0);
        vm.prank(governor);
        rewards.setKappaBps(9_000);
        assertEq(rewards.accrue(ANN, list(1)), second * 5 / 10, "second");
        assertEq(rewards.accrue(ANN, list(0)), first * 8 / 10, "first");
        vm.warp(block.timestamp + 1);
        assertEq(rewards.kappaBps(), 9_000, "now");
    }

    function test_claim_paysWhatTheRootSays() public {
        uint256 burned = sellEpoch(100 * DOLLAR, 300 * DOLLAR);
        rewards.accrue(ANN, list(0));
        uint256 half = burned / 10;
        Earned[] memory lines = new Earned[](2);
        lines[0] = Earned(UTILITY, ANN, half);
        lines[1] = Earned(UTILITY, BOB, burned);
        bytes32[][] memory proofs = settle(0, lines);
        vm.expectEmit(address(rewards));
        emit Rewards.RewardPaid(UTILITY, ANN, half, half);
        vm.prank(BOB);
        assertEq(rewards.claim(UTILITY, ANN, half, proofs[0]), half, "amount");
        assertEq(token.balanceOf(ANN), half, "to ann, whoever asks");
        vm.expectRevert(abi.encodeWithSelector(Rewards.NothingToClaim.selector, half, half, burned / 4 * 8 / 10 - half));
        rewards.claim(UTILITY, ANN, half, proofs[0]);
        vm.expectRevert(abi.encodeWithSelector(Rewards.NothingToClaim.selector, burned, 0, 0));
        rewards.claim(UTILITY, BOB, burned, proofs[1]);
        rewards.accrue(BOB, list(0));
        assertEq(rewards.claim(UTILITY, BOB, burned, proofs[1]), burned * 3 / 4 * 8 / 10, "bob is clipped");
    }

    /// @dev More than two thirds of the stake sign for all the tokens in the world.
    function test_claim_anAbsurdRootMintsNoMoreThanTheCap() public {
        uint256 burned = sellEpoch(100 * DOLLAR, 300 * DOLLAR);
        rewards.accrue(ANN, list(0));
        rewards.accrue(BOB, list(0));
        Earned[] memory lines = new Earned[](3);
        lines[0] = Earned(UTILITY, ANN, type(uint256).max);
        lines[1] = Earned(UTILITY, BOB, type(uint256).max);
        lines[2] = Earned(UTILITY, BUYER, type(uint256).max);
        bytes32[][] memory proofs = settle(0, lines);
        uint256 supply = token.totalSupply();
        rewards.claim(UTILITY, ANN, type(uint256).max, proofs[0]);
        rewards.claim(UTILITY, BOB, type(uint256).max, proofs[1]);
        vm.expectRevert(abi.encodeWithSelector(Rewards.NothingToClaim.selector, type(uint256).max, 0, 0));
        rewards.claim(UTILITY, BUYER, type(uint256).max, proofs[2]);
        assertEq(token.balanceOf(ANN), burned / 4 * 8 / 10, "ann");
        assertEq(token.totalSupply() - supply, burned * 8 / 10, "all");
    }

    /// @dev An operator's cap is one, however many programs mint.
    function test_claim_programsShareTheCap() public {
        bytes32 second = keccak256("utility 2");
        vm.prank(governor);
        rewards.setProgram(second, Rewards.Source.Minted, true);
        uint256 burned = sellEpoch(100 * DOLLAR, 0);
        rewards.accrue(ANN, list(0));
        Earned[] memory lines = new Earned[](2);
        lines[0] = Earned(UTILITY, ANN, burned);
        lines[1] = Earned(second, ANN, burned);
        bytes32[][] memory proofs = settle(0, lines);
        rewards.claim(UTILITY, ANN, burned, proofs[0]);
        vm.expectPartialRevert(Rewards.NothingToClaim.selector);
        rewards.claim(second, ANN, burned, proofs[1]);
        assertEq(token.balanceOf(ANN), burned * 8 / 10, "once");
    }

    /// @dev Leaves are cumulative: what is claimed late, or against a later root, is the same in the end.
    function test_claim_cumulatesOverEpochs() public {
        sellEpoch(100 * DOLLAR, 0);
        rewards.accrue(ANN, list(0));
        Earned[] memory lines = new Earned[](1);
        lines[0] = Earned(UTILITY, ANN, 1 ether);
        settle(0, lines);
        rewards.claim(UTILITY, ANN, 1 ether, none);
        sellEpoch(100 * DOLLAR, 0);
        lines[0].cumulative = 5 ether;
        settle(1, lines);
        vm.expectPartialRevert(Rewards.ProofInvalid.selector);
        rewards.claim(UTILITY, ANN, 1 ether, none);
        assertEq(rewards.claim(UTILITY, ANN, 5 ether, none), 4 ether, "the difference");
        // A root that forgets takes nothing back and pays nothing.
        sellEpoch(100 * DOLLAR, 0);
        lines[0].cumulative = 2 ether;
        settle(2, lines);
        vm.expectPartialRevert(Rewards.NothingToClaim.selector);
        rewards.claim(UTILITY, ANN, 2 ether, none);
    }

    function test_claim_needsTheProof() public {
        sellEpoch(100 * DOLLAR, 300 * DOLLAR);
        rewards.accrue(ANN, list(0));
        vm.expectRevert(abi.encodeWithSelector(Rewards.ProofInvalid.selector, bytes32(0)));
        rewards.claim(UTILITY, ANN, 1, none);
        Earned[] memory lines = new Earned[](2);
        lines[0] = Earned(UTILITY, ANN, 100);
        lines[1] = Earned(COVERAGE, BOB, 100);
        bytes32[][] memory proofs = settle(0, lines);
        vm.expectPartialRevert(Rewards.ProofInvalid.selector);
        rewards.claim(UTILITY, ANN, 101, proofs[0]);
        vm.expectPartialRevert(Rewards.ProofInvalid.selector);
        rewards.claim(UTILITY, BOB, 100, proofs[1]);
        vm.expectPartialRevert(Rewards.ProofInvalid.selector);
        rewards.claim(COVERAGE, ANN, 100, proofs[0]);
    }

    function test_claim_unknownProgramsPayNothing() public {
        Earned[] memory lines = new Earned[](1);
        bytes32 unknown = keccak256("unknown");
        lines[0] = Earned(unknown, ANN, 1);
        nextEpoch();
        settle(0, lines);
        vm.expectRevert(abi.encodeWithSelector(Rewards.ProgramUnknown.selector, unknown));
        rewards.claim(unknown, ANN, 1, none);
    }

    function test_sponsor_paysOutOfItsDepositOnly() public {
        sponsorCoverage(100 * DOLLAR);
        Earned[] memory lines = new Earned[](2);
        lines[0] = Earned(COVERAGE, ANN, 60 * DOLLAR);
        lines[1] = Earned(COVERAGE, BOB, type(uint256).max);
        nextEpoch();
        bytes32[][] memory proofs = settle(0, lines);
        assertEq(rewards.claim(COVERAGE, ANN, 60 * DOLLAR, proofs[0]), 60 * DOLLAR, "ann");
        assertEq(rewards.claim(COVERAGE, BOB, type(uint256).max, proofs[1]), 40 * DOLLAR, "bob gets what is there");
        vm.expectPartialRevert(Rewards.NothingToClaim.selector);
        rewards.claim(COVERAGE, BOB, type(uint256).max, proofs[1]);
        sponsorCoverage(5 * DOLLAR);
        assertEq(rewards.claim(COVERAGE, BOB, type(uint256).max, proofs[1]), 5 * DOLLAR, "and what comes later");
        assertEq(dollar.balanceOf(address(rewards)), 0, "no more");
    }

    /// @dev Disabled is not stopped: what was earned is paid, only nobody can add to it.
    function test_sponsor_disabledProgramsStillPay() public {
        sponsorCoverage(100 * DOLLAR);
        vm.prank(governor);
        rewards.setProgram(COVERAGE, Rewards.Source.Sponsored, false);
        vm.expectRevert(abi.encodeWithSelector(Rewards.ProgramNotSponsored.selector, COVERAGE));
        rewards.sponsor(COVERAGE, 1);
        vm.expectRevert(abi.encodeWithSelector(Rewards.ProgramNotSponsored.selector, UTILITY));
        rewards.sponsor(UTILITY, 1);
        Earned[] memory lines = new Earned[](1);
        lines[0] = Earned(COVERAGE, ANN, 60 * DOLLAR);
        nextEpoch();
        settle(0, lines);
        rewards.claim(COVERAGE, ANN, 60 * DOLLAR, none);
        assertEq(dollar.balanceOf(ANN), 60 * DOLLAR, "paid");
    }

    function test_setProgram_neverChangesTheSource() public {
        vm.expectRevert(abi.encodeWithSelector(Rewards.NotTheGovernor.selector, address(this), governor));
        rewards.setProgram(keccak256("x"), Rewards.Source.Minted, true);
        vm.startPrank(governor);
        vm.expectRevert(abi.encodeWithSelector(Rewards.SourceInvalid.selector, COVERAGE, Rewards.Source.Minted));
        rewards.setProgram(COVERAGE, Rewards.Source.Minted, true);
        vm.expectRevert(abi.encodeWithSelector(Rewards.SourceInvalid.selector, COVERAGE, Rewards.Source.None));
        rewards.setProgram(COVERAGE, Rewards.Source.None, true);
        vm.stopPrank();
    }

    function test_token_onlyRewardsMints() public {
        vm.expectRevert(abi.encodeWithSelector(SteadToken.NotTheMinter.selector, address(this), address(rewards)));
        token.mint(address(this), 1);
        vm.expectRevert(SteadToken.MinterZero.selector);
        new SteadToken(address(0), address(this), 1);
        assertEq(token.clock(), block.timestamp, "votes by time");
    }

    /// @dev The dollar calls back in a sponsored claim and asks for the same again.
    function test_claim_cannotBeEnteredTwice() public {
        sponsorCoverage(100 * DOLLAR);
        Earned[] memory lines = new Earned[](1);
        lines[0] = Earned(COVERAGE, ANN, 60 * DOLLAR);
        nextEpoch();
        settle(0, lines);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(Rewards.claim, (COVERAGE, ANN, 60 * DOLLAR, none));
        calls[1] = abi.encodeCall(Rewards.sponsor, (COVERAGE, 1));
        dollar.mint(address(dollar), 10);
        dollar.approveFromHere(address(rewards), 10);
        dollar.arm(address(rewards), calls);
        rewards.claim(COVERAGE, ANN, 60 * DOLLAR, none);
        assertEq(dollar.callsMade(), 2, "called back");
        assertEq(dollar.callsSucceeded(), 0, "refused");
        dollar.keep(100);
        dollar.mint(address(this), 100);
        dollar.approve(address(rewards), 100);
        vm.expectRevert(abi.encodeWithSelector(Rewards.DepositMismatch.selector, 100, 99));
        rewards.sponsor(COVERAGE, 100);
    }

    /// @dev Ann and Bob are paid in an epoch, which ends, and whose lot is sold.
    function sellEpoch(uint128 toAnn, uint128 toBob) private returns (uint256 burned) {
        if (toAnn > 0) pay(ANN, toAnn);
        if (toBob > 0) pay(BOB, toBob);
        nextEpoch();
        (, burned) = buy(BUYER);
    }

    function settle(uint64 epoch, Earned[] memory lines) private returns (bytes32[][] memory proofs) {
        vm.warp(block.timestamp + 1);
        bytes32 root;
        (root, proofs) = rewardTree(lines);
        settleRoot(NODE, epoch, root);
    }

    function sponsorCoverage(uint256 amount) private {
        dollar.mint(SPONSOR, amount);
        vm.startPrank(SPONSOR);
        dollar.approve(address(rewards), amount);
        rewards.sponsor(COVERAGE, amount);
        vm.stopPrank();
    }

    function list(uint256 epoch) private pure returns (uint256[] memory epochs) {
        epochs = new uint256[](1);
        epochs[0] = epoch;
    }
}
