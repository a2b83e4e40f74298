// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Equivocation} from "../src/Equivocation.sol";
import {Stake} from "../src/Stake.sol";
import {Statements} from "../src/Statements.sol";
import {Economy} from "./support/Economy.sol";
import {HostileToken} from "./support/HostileToken.sol";
import {newStake} from "./support/Deploy.sol";

contract SlashingTest is Economy {
    uint256 private constant LIAR = 0x11A2;
    uint256 private constant OTHER = 0x07E2;
    address private constant REPORTER = address(0x2E);
    bytes32 private constant SLOT = keccak256("slot");

    /// @dev An adjudicator that takes a tenth, as one for missed storage proofs may.
    address private tenth = address(0x1010);

    function setUp() public {
        deployEconomy(dailySale(), dailyRoots());
    }

    function test_equivocation_takesEverythingOnce() public {
        address node = bondNode(LIAR, 1_000 ether);
        vm.prank(operatorOf(LIAR));
        stake.unbond(node, 400 ether);
        uint256 supply = token.totalSupply();
        vm.expectEmit(address(stake));
        emit Stake.Slashed(node, SLOT, address(equivocation), REPORTER, 1_000 ether, 100 ether);
        report(LIAR, "one", "two");
        assertEq(stake.bonded(node) + stake.thawing(node), 0, "all of it");
        assertEq(token.balanceOf(REPORTER), 100 ether, "reporter");
        assertEq(supply - token.totalSupply(), 900 ether, "the rest is burned");
        assertEq(token.balanceOf(address(stake)), 0, "nothing stays");
        vm.expectRevert(abi.encodeWithSelector(Stake.AlreadyPunished.selector, node, SLOT));
        report(LIAR, "one", "three");
        assertTrue(stake.punished(node, SLOT), "remembered");
    }

    /// @dev Punished for a slot with a crumb at stake, and free to lie in it with a fortune afterwards?
    function test_equivocation_expelsForEver() public {
        address node = bondNode(LIAR, 10);
        report(LIAR, "one", "two");
        assertTrue(stake.expelled(node), "expelled");
        address operator = operatorOf(LIAR);
        token.transfer(operator, 1_000 ether);
        vm.prank(operator);
        token.approve(address(stake), 1_000 ether);
        vm.expectRevert(abi.encodeWithSelector(Stake.NodeExpelled.selector, node));
        vm.prank(operator);
        stake.bond(node, 1_000 ether, "");
    }

    /// @dev Without stake there is nothing to take, and the evidence is not used up.
    function test_equivocation_withoutStakeKeepsTheEvidence() public {
        vm.expectRevert(abi.encodeWithSelector(Stake.NothingToSlash.selector, vm.addr(LIAR)));
        report(LIAR, "one", "two");
        bondNode(LIAR, 50 ether);
        report(LIAR, "one", "two");
        assertEq(stake.bonded(vm.addr(LIAR)), 0, "taken later");
    }

    function test_equivocation_needsTwoPayloadsOfOneNode() public {
        bondNode(LIAR, 1_000 ether);
        bondNode(OTHER, 1_000 ether);
        vm.expectRevert(abi.encodeWithSelector(Equivocation.SamePayload.selector, keccak256("one")));
        report(LIAR, "one", "one");
        Equivocation.Said memory first = said(LIAR, SLOT, "one");
        Equivocation.Said memory second = said(OTHER, SLOT, "two");
        vm.expectRevert(abi.encodeWithSelector(Equivocation.DifferentSigners.selector, vm.addr(LIAR), vm.addr(OTHER)));
        equivocation.report(SLOT, first, second);
        // The same node in two slots has said nothing wrong: each statement is recovered for the slot that is named.
        second = said(LIAR, keccak256("another slot"), "two");
        vm.expectPartialRevert(Equivocation.DifferentSigners.selector);
        equivocation.report(SLOT, first, second);
        second.r = 0;
        vm.expectRevert(Statements.StatementSignatureInvalid.selector);
        equivocation.report(SLOT, first, second);
    }

    /// @dev Each statement's twin signature (the other s) must not pass for another statement.
    function test_equivocation_highSIsNoSignature() public {
        bondNode(LIAR, 1_000 ether);
        Equivocation.Said memory first = said(LIAR, SLOT, "one");
        Equivocation.Said memory second = said(LIAR, SLOT, "two");
        second.vs = bytes32(uint256(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1));
        vm.expectRevert(Statements.StatementSignatureInvalid.selector);
        equivocation.report(SLOT, first, second);
    }

    function test_slash_sharesAreTakenAlikeFromBondAndUnbondings() public {
        addTenth();
        address node = bondNode(LIAR, 1_000 ether);
        vm.prank(operatorOf(LIAR));
        stake.unbond(node, 200 ether);
        vm.warp(block.timestamp + 1 days);
        vm.prank(operatorOf(LIAR));
        stake.unbond(node, 300 ether);
        vm.prank(tenth);
        assertEq(stake.slash(node, SLOT, 1_000, REPORTER), 100 ether, "taken");
        assertEq(stake.bonded(node), 450 ether, "bonded");
        Stake.Unbonding[] memory waiting = stake.unbondings(node);
        assertEq(waiting[0].amount, 180 ether, "first");
        assertEq(waiting[1].amount, 270 ether, "second");
        assertEq(stake.thawing(node), 450 ether, "thawing");
        assertTrue(!stake.expelled(node), "may go on");
        vm.warp(waiting[1].endsAt);
        assertEq(stake.withdraw(node), 450 ether, "what was left can be withdrawn");
    }

    /// @dev Unbonding before the proof arrives saves nothing, until the last second.
    function test_slash_reachesWhatIsOnItsWayOut() public {
        address node = bondNode(LIAR, 1_000 ether);
        vm.prank(operatorOf(LIAR));
        uint64 endsAt = stake.unbond(node, 1_000 ether);
        vm.warp(endsAt);
        report(LIAR, "one", "two");
        vm.expectPartialRevert(Stake.NothingToWithdraw.selector);
        stake.withdraw(node);
        assertEq(token.balanceOf(operatorOf(LIAR)), 0, "nothing got out");
    }

    function test_slash_isForAdjudicatorsOnly() public {
        address node = bondNode(LIAR, 1_000 ether);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotAnAdjudicator.selector, address(this), 0));
        stake.slash(node, SLOT, 10_000, address(this));
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotAnAdjudicator.selector, governor, 0));
        stake.slash(node, SLOT, 10_000, governor);
        vm.startPrank(address(equivocation));
        vm.expectRevert(abi.encodeWithSelector(Stake.ShareInvalid.selector, 0));
        stake.slash(node, SLOT, 0, REPORTER);
        vm.expectRevert(abi.encodeWithSelector(Stake.ShareInvalid.selector, 10_001));
        stake.slash(node, SLOT, 10_001, REPORTER);
        vm.stopPrank();
    }

    /// @dev Whoever does not trust a new adjudicator has all its stake back before it may punish.
    function test_adjudicators_comeLateAndGoAtOnce() public {
        address node = bondNode(LIAR, 1_000 ether);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotTheGovernor.selector, address(this), governor));
        stake.addAdjudicator(tenth);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotTheGovernor.selector, address(this), governor));
        stake.removeAdjudicator(tenth);

        vm.prank(governor);
        stake.addAdjudicator(tenth);
        uint64 activeFrom = stake.adjudicatorFrom(tenth);
        vm.prank(operatorOf(LIAR));
        uint64 endsAt = stake.unbond(node, 1_000 ether);
        assertTrue(endsAt < activeFrom, "out before");
        vm.warp(activeFrom - 1);
        vm.prank(tenth);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotAnAdjudicator.selector, tenth, activeFrom));
        stake.slash(node, SLOT, 1_000, REPORTER);
        stake.withdraw(node);

        // Adding it again does not make it earlier, nor later.
        vm.prank(governor);
        stake.addAdjudicator(tenth);
        assertEq(stake.adjudicatorFrom(tenth), activeFrom, "unchanged");
        vm.prank(governor);
        stake.removeAdjudicator(tenth);
        vm.warp(activeFrom + 1);
        vm.prank(tenth);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotAnAdjudicator.selector, tenth, 0));
        stake.slash(node, SLOT, 1_000, REPORTER);
    }

    function test_checkpoints_sayWhatWasBonded() public {
        uint256 start = block.timestamp;
        address node = bondNode(LIAR, 100 ether);
        vm.warp(start + 10);
        bondNode(OTHER, 50 ether);
        vm.warp(start + 20);
        vm.prank(operatorOf(LIAR));
        stake.unbond(node, 30 ether);
        vm.warp(start + 30);
        report(LIAR, "one", "two");
        vm.warp(start + 40);
        uint256[5] memory when = [start - 1, start, start + 19, start + 20, start + 30];
        uint256[5] memory ofNode = [uint256(0), 100 ether, 100 ether, 70 ether, 0];
        uint256[5] memory ofAll = [uint256(0), 100 ether, 150 ether, 120 ether, 50 ether];
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(stake.bondedAt(node, when[i]), ofNode[i], "node");
            assertEq(stake.totalBondedAt(when[i]), ofAll[i], "total");
        }
        assertEq(stake.totalBonded(), 50 ether, "now");
        vm.expectRevert(abi.encodeWithSelector(Stake.NotYetPast.selector, start + 40, start + 40));
        stake.bondedAt(node, start + 40);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotYetPast.selector, start + 40, start + 40));
        stake.totalBondedAt(start + 40);
    }

    /// @dev The token calls back while a reporter is paid, and asks for a withdrawal and for the same punishment.
    function test_slash_cannotBeEnteredTwice() public {
        HostileToken hostile = new HostileToken(18);
        stake = newStake(address(hostile));
        vm.prank(governor);
        stake.addAdjudicator(tenth);
        address operator = operatorOf(LIAR);
        hostile.mint(operator, 100 ether);
        bytes memory agreed = consent(LIAR, operator);
        vm.startPrank(operator);
        hostile.approve(address(stake), 100 ether);
        stake.bond(vm.addr(LIAR), 100 ether, agreed);
        stake.unbond(vm.addr(LIAR), 50 ether);
        vm.stopPrank();
        vm.warp(block.timestamp + 15 days);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(Stake.withdraw, (vm.addr(LIAR)));
        calls[1] = abi.encodeCall(Stake.slash, (vm.addr(LIAR), keccak256("second"), 1_000, REPORTER));
        hostile.arm(address(stake), calls);
        vm.prank(tenth);
        stake.slash(vm.addr(LIAR), SLOT, 1_000, REPORTER);
        assertEq(hostile.callsMade(), 2, "called back");
        assertEq(hostile.callsSucceeded(), 0, "refused");
        assertEq(hostile.balanceOf(address(stake)), 90 ether, "a tenth");
    }

    function addTenth() private {
        vm.prank(governor);
        stake.addAdjudicator(tenth);
        vm.warp(stake.adjudicatorFrom(tenth));
    }

    function said(uint256 key, bytes32 slot, string memory text) private pure returns (Equivocation.Said memory made) {
        made.payload = keccak256(bytes(text));
        (made.r, made.vs) = say(key, slot, made.payload);
    }

    function report(uint256 key, string memory one, string memory two) private {
        Equivocation.Said memory first = said(key, SLOT, one);
        Equivocation.Said memory second = said(key, SLOT, two);
        vm.prank(REPORTER);
        equivocation.report(SLOT, first, second);
    }
}
