// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {newEscrow} from "./support/Deploy.sol";
import {Digests, EscrowTest} from "./support/EscrowTest.sol";
import {HostileToken} from "./support/HostileToken.sol";

contract EscrowFundTest is EscrowTest {
    bytes32 private constant ROOT = keccak256("root");
    uint128 private constant TOTAL = 100 * DOLLAR;

    function test_fund_locksTheMoneyAndSaysSo() public {
        bytes32 id = escrow.purseIdOf(payer, vm.addr(DELEGATE_KEY), ROOT, TOTAL, SALT);
        vm.expectEmit(address(escrow));
        emit Escrow.PurseFunded(id, payer, vm.addr(DELEGATE_KEY), ROOT, TOTAL);
        assertEq(fundAs(payer, ROOT, TOTAL, vm.addr(DELEGATE_KEY), SALT), id, "id");

        Settlement.Purse memory stored = escrow.purse(id);
        assertEq(stored.payer, payer, "payer");
        assertEq(stored.voucherSigner, vm.addr(DELEGATE_KEY), "voucherSigner");
        assertEq(stored.root, ROOT, "root");
        assertEq(stored.total, TOTAL, "total");
        assertEq(stored.claimed, 0, "claimed");
        assertEq(stored.thawEndsAt, 0, "thawEndsAt");
        assertTrue(!stored.closed, "open");
        assertEq(dollar.balanceOf(address(escrow)), TOTAL, "balance");
    }

    function test_fund_withoutVoucherSignerMeansThePayer() public {
        bytes32 id = fundAs(payer, ROOT, TOTAL, address(0), SALT);
        assertEq(escrow.purse(id).voucherSigner, payer, "voucherSigner");
        assertEq(id, escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT), "one purse has one id");
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseExists.selector, id));
        fundAs(payer, ROOT, TOTAL, payer, SALT);
    }

    function test_fund_refusesTheSamePurseTwice() public {
        bytes32 id = fundAs(payer, ROOT, TOTAL, address(0), SALT);
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseExists.selector, id));
        fundAs(payer, ROOT, TOTAL, address(0), SALT);
        assertTrue(fundAs(payer, ROOT, TOTAL, address(0), bytes32(uint256(2))) != id, "a salt makes another purse");
    }

    function test_fund_refusesNothing() public {
        vm.expectRevert(Escrow.PurseEmpty.selector);
        fundAs(payer, ROOT, 0, address(0), SALT);
        uint128 most = uint128(escrow.MAX_TOTAL());
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseTooLarge.selector, most + 1, most));
        fundAs(payer, ROOT, most + 1, address(0), SALT);
    }

    function test_fund_refusesMoneyThatIsNotThere() public {
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        fundAs(thief, ROOT, TOTAL, address(0), SALT);
    }

    function test_purseIdOf_bindsChainAndContract() public {
        bytes32 here = escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT);
        Escrow other = newEscrow(address(dollar), 500);
        assertTrue(other.purseIdOf(payer, payer, ROOT, TOTAL, SALT) != here, "contract");
        vm.chainId(1);
        assertTrue(escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT) != here, "chain");
    }

    function test_constructor_refusesBadTerms() public {
        address token = address(dollar);
        address coarse = address(new HostileToken(18));
        vm.expectRevert(abi.encodeWithSelector(Escrow.TokenDecimalsNotSix.selector, 18));
        newEscrow(coarse, 1 days, 500);
        vm.expectRevert(abi.encodeWithSelector(Escrow.ThawTooShort.selector, 1 days - 1, 1 days));
        newEscrow(token, 1 days - 1, 500);
        vm.expectRevert(abi.encodeWithSelector(Escrow.FeeTooHigh.selector, 1_001, 1_000));
        newEscrow(token, 1 days, 1_001);
        assertEq(newEscrow(token, 1 days, 1_000).feeBps(), 1_000, "the limits themselves are allowed");
    }

    function test_fund_refusesATokenThatKeepsAPart() public {
        (HostileToken token, Escrow hostile) = hostileEscrow();
        token.keep(1);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(Escrow.DepositMismatch.selector, TOTAL, TOTAL - TOTAL / 10_000));
        hostile.fund(ROOT, TOTAL, address(0), SALT);
    }

    function test_fund_refusesATokenThatSaysNo() public {
        (HostileToken token, Escrow hostile) = hostileEscrow();
        token.refuse(true);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        hostile.fund(ROOT, TOTAL, address(0), SALT);
    }

    /// @dev Without the guard the inner deposit would be counted for both purses.
    function test_fund_cannotBeEnteredTwice() public {
        (HostileToken token, Escrow hostile) = hostileEscrow();
        token.mint(address(token), TOTAL);
        token.approveFromHere(address(hostile), TOTAL);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(Escrow.fund, (ROOT, TOTAL, address(0), SALT));
        token.arm(address(hostile), calls);
        vm.prank(payer);
        hostile.fund(ROOT, TOTAL, address(0), SALT);
        assertEq(token.callsMade(), 1, "called back");
        assertEq(token.callsSucceeded(), 0, "refused");
        assertEq(token.balanceOf(address(hostile)), TOTAL, "one deposit, one purse");
    }

    function test_fundWithAuthorization_anybodyMayRelay() public {
        bytes32 id = escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT);
        bytes memory signature = authorize(id, TOTAL, 0, type(uint256).max);
        vm.prank(thief);
        bytes32 made =
            escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), SALT, 0, type(uint256).max, signature);
        assertEq(made, id, "id");
        assertEq(escrow.purse(id).payer, payer, "the payer is who signed, not who relayed");
        assertEq(dollar.balanceOf(address(escrow)), TOTAL, "balance");
        vm.expectRevert(abi.encodeWithSelector(Escrow.PurseExists.selector, id));
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), SALT, 0, type(uint256).max, signature);
    }

    function test_fundWithAuthorization_takesShortSignatures() public {
        bytes32 id = escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT);
        bytes memory signature = sign64(PAYER_KEY, authorization(id, TOTAL, 0, type(uint256).max));
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), SALT, 0, type(uint256).max, signature);
        assertEq(escrow.purse(id).total, TOTAL, "total");
    }

    /// @dev The relayer would like the vouchers to be signed by itself, or the tree to be its own.
    function test_fundWithAuthorization_relayerCanChangeNothing() public {
        bytes memory signature =
            authorize(escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT), TOTAL, 0, type(uint256).max);
        bytes4 refused = ERC3009.ERC3009InvalidSignature.selector;
        vm.expectRevert(refused);
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, thief, SALT, 0, type(uint256).max, signature);
        vm.expectRevert(refused);
        escrow.fundWithAuthorization(payer, "mine", TOTAL, address(0), SALT, 0, type(uint256).max, signature);
        vm.expectRevert(refused);
        escrow.fundWithAuthorization(payer, ROOT, TOTAL - 1, address(0), SALT, 0, type(uint256).max, signature);
        vm.expectRevert(refused);
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), "other", 0, type(uint256).max, signature);
        vm.expectRevert(refused);
        escrow.fundWithAuthorization(thief, ROOT, TOTAL, address(0), SALT, 0, type(uint256).max, signature);
        vm.expectRevert(refused);
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), SALT, 1, type(uint256).max, signature);
    }

    function test_fundWithAuthorization_cannotBeTakenToTheTokenItself() public {
        bytes32 id = escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYER_KEY, authorization(id, TOTAL, 0, type(uint256).max));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, escrow));
        vm.prank(thief);
        dollar.receiveWithAuthorization(payer, address(escrow), TOTAL, 0, type(uint256).max, id, v, r, s);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.transferWithAuthorization(payer, address(escrow), TOTAL, 0, type(uint256).max, id, v, r, s);
    }

    function test_fundWithAuthorization_keepsTheTimesOfTheAuthorization() public {
        bytes32 id = escrow.purseIdOf(payer, payer, ROOT, TOTAL, SALT);
        uint256 until = block.timestamp + 60;
        bytes memory signature = authorize(id, TOTAL, 0, until);
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, 0, until));
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), SALT, 0, until, signature);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        escrow.fundWithAuthorization(payer, ROOT, TOTAL, address(0), SALT, 0, until, "");
    }

    function hostileEscrow() private returns (HostileToken token, Escrow hostile) {
        token = new HostileToken(6);
        hostile = newEscrow(address(token), 500);
        token.mint(payer, TOTAL);
        vm.prank(payer);
        token.approve(address(hostile), TOTAL);
    }

    function authorization(bytes32 nonce, uint128 value, uint256 validAfter, uint256 validBefore)
        private
        view
        returns (bytes32)
    {
        return Digests.receiveAuthorization(
            dollar.DOMAIN_SEPARATOR(), payer, address(escrow), value, validAfter, validBefore, nonce
        );
    }

    function authorize(bytes32 nonce, uint128 value, uint256 validAfter, uint256 validBefore)
        private
        view
        returns (bytes memory)
    {
        return sign65(PAYER_KEY, authorization(nonce, value, validAfter, validBefore));
    }
}
