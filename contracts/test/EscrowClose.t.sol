// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Made} from "./support/Claims.sol";
import {newEscrow} from "./support/Deploy.sol";
import {EscrowTest} from "./support/EscrowTest.sol";
import {HostileToken} from "./support/HostileToken.sol";
import {Leaf, Trees} from "./support/Trees.sol";

contract EscrowCloseTest is EscrowTest {
    bytes32 private purse;

    function setUp() public override {
        super.setUp();
        purse = fundPlan(SALT);
    }

    function test_payout_goesToTheOperatorOnly() public {
        submit(firstClaim(purse, 0, 100 * DOLLAR));
        vm.expectEmit(address(escrow));
        emit Escrow.PaidOut(plan[0].operator, 95 * DOLLAR);
        vm.prank(thief);
        assertEq(escrow.payout(plan[0].operator), 95 * DOLLAR, "amount");
        assertEq(dollar.balanceOf(plan[0].operator), 95 * DOLLAR, "operator");
        assertEq(dollar.balanceOf(thief), 0, "caller");
        assertEq(escrow.owed(plan[0].operator), 0, "owed");
        vm.expectRevert(abi.encodeWithSelector(Escrow.NothingOwed.selector, plan[0].operator));
        escrow.payout(plan[0].operator);
    }

    function test_thaw_isThePayersAlone() public {
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotThePayer.selector, thief, payer));
        vm.prank(thief);
        escrow.thaw(purse);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseUnknown.selector, bytes32(0)));
        vm.prank(payer);
        escrow.thaw(0);
    }

    function test_thaw_cannotBeMoved() public {
        uint64 endsAt = uint64(block.timestamp + 1 days);
        vm.expectEmit(address(escrow));
        emit Escrow.PurseThawing(purse, endsAt);
        vm.prank(payer);
        assertEq(escrow.thaw(purse), endsAt, "endsAt");
        vm.warp(endsAt - 1);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseAlreadyThawing.selector, purse, endsAt));
        vm.prank(payer);
        escrow.thaw(purse);
        assertEq(escrow.purse(purse).thawEndsAt, endsAt, "the first one stands");
    }

    function test_close_needsAThawThatIsOver() public {
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseNotThawed.selector, purse, 0, block.timestamp));
        escrow.close(purse);
        vm.prank(payer);
        uint64 endsAt = escrow.thaw(purse);
        vm.warp(endsAt);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseNotThawed.selector, purse, endsAt, endsAt));
        escrow.close(purse);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseUnknown.selector, bytes32(0)));
        escrow.close(0);
    }

    /// @dev The race: the last second of the thaw still belongs to the provider, and so does all time until the close.
    function test_close_neverBeatsAClaimInTime() public {
        vm.prank(payer);
        uint64 endsAt = escrow.thaw(purse);
        vm.warp(endsAt);
        submit(firstClaim(purse, 0, 10 * DOLLAR));
        vm.warp(endsAt + 30 days);
        submit(firstClaim(purse, 1, 10 * DOLLAR));
        assertEq(escrow.purse(purse).claimed, 20 * DOLLAR, "both are paid");
    }

    function test_close_givesBackWhatNobodyClaimed() public {
        submit(firstClaim(purse, 0, 100 * DOLLAR));
        vm.prank(payer);
        uint64 endsAt = escrow.thaw(purse);
        vm.warp(endsAt + 1);
        uint256 before = dollar.balanceOf(payer);
        vm.expectEmit(address(escrow));
        emit Escrow.PurseClosed(purse, payer, 1_400 * DOLLAR);
        vm.prank(thief);
        assertEq(escrow.close(purse), 1_400 * DOLLAR, "refund");
        assertEq(dollar.balanceOf(payer) - before, 1_400 * DOLLAR, "payer");
        assertEq(dollar.balanceOf(address(escrow)), 100 * DOLLAR, "what was claimed stays");
        escrow.payout(plan[0].operator);
        assertEq(dollar.balanceOf(address(escrow)), escrow.feesHeld(), "only fees are left");
    }

    function test_close_isFinal() public {
        vm.prank(payer);
        vm.warp(escrow.thaw(purse) + 1);
        escrow.close(purse);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseAlreadyClosed.selector, purse));
        escrow.close(purse);
        Made memory late = firstClaim(purse, 0, DOLLAR);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimPurseClosed.selector, 0, purse));
        submit(late);
        vm.prank(payer);
        vm.expectPartialRevert(Escrow.PurseAlreadyThawing.selector);
        escrow.thaw(purse);
        Leaf[] memory leaves = plan;
        (bytes32 root, uint128 total) = (Trees.root(leaves).hash, Trees.root(leaves).sum);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseExists.selector, purse));
        fundAs(payer, root, total, address(0), SALT);
    }

    function test_close_ofAnEmptyPurse() public {
        for (uint256 i = 0; i < plan.length; ++i) {
            submit(firstClaim(purse, i, plan[i].allocation));
        }
        vm.prank(payer);
        vm.warp(escrow.thaw(purse) + 1);
        assertEq(escrow.close(purse), 0, "nothing is left");
    }

    /// @dev The token calls back in the middle of a payout and of a close, and asks for the same money again.
    function test_payoutAndClose_cannotBeEnteredTwice() public {
        HostileToken token = new HostileToken(6);
        escrow = newEscrow(address(token), 500);
        token.mint(payer, 10_000 * DOLLAR);
        vm.prank(payer);
        token.approve(address(escrow), type(uint256).max);
        bytes32 first = fundPlan("first");
        bytes32 second = fundPlan("second");
        submit(firstClaim(first, 0, 100 * DOLLAR));
        vm.prank(payer);
        escrow.thaw(second);
        vm.prank(payer);
        vm.warp(escrow.thaw(first) + 1);

        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(Escrow.payout, (plan[0].operator));
        calls[1] = abi.encodeCall(Escrow.close, (first));
        calls[2] = abi.encodeCall(Escrow.close, (second));
        token.arm(address(escrow), calls);
        escrow.payout(plan[0].operator);
        token.arm(address(escrow), calls);
        escrow.close(first);
        assertEq(token.callsMade(), 6, "called back");
        assertEq(token.callsSucceeded(), 0, "all refused");
        assertEq(token.balanceOf(plan[0].operator), 95 * DOLLAR, "paid once");
        escrow.close(second);
        assertEq(token.balanceOf(address(escrow)), escrow.feesHeld(), "only fees are left");
    }

    function test_payoutAndClose_ofATokenThatSaysNoChangeNothing() public {
        HostileToken token = new HostileToken(6);
        escrow = newEscrow(address(token), 500);
        token.mint(payer, 10_000 * DOLLAR);
        vm.prank(payer);
        token.approve(address(escrow), type(uint256).max);
        bytes32 id = fundPlan(SALT);
        submit(firstClaim(id, 0, 100 * DOLLAR));
        vm.prank(payer);
        vm.warp(escrow.thaw(id) + 1);
        token.refuse(true);
        bytes memory refused = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token));
        vm.expectRevert(refused);
        escrow.payout(plan[0].operator);
        vm.expectRevert(refused);
        escrow.close(id);
        assertEq(escrow.owed(plan[0].operator), 95 * DOLLAR, "still owed");
        assertTrue(!escrow.purse(id).closed, "still open");
    }
}
