// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {Digests} from "./support/EscrowTest.sol";
import {Test} from "./support/Vm.sol";

contract TestDollarTest is Test {
    uint256 private constant KEY = 0xA11CE;

    function test_existsOnDevelopmentChainsOnly() public {
        vm.chainId(1337);
        assertEq(new TestDollar().decimals(), 6, "decimals");
        vm.chainId(8453);
        vm.expectRevert(abi.encodeWithSelector(TestDollar.NotADevelopmentChain.selector, 8453));
        new TestDollar();
    }

    function test_anybodyMints() public {
        TestDollar dollar = new TestDollar();
        vm.prank(address(0x77));
        dollar.mint(address(0x99), 5_000_000);
        assertEq(dollar.balanceOf(address(0x99)), 5_000_000, "balance");
    }

    function test_permit() public {
        TestDollar dollar = new TestDollar();
        bytes32 permit = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                vm.addr(KEY),
                address(0x77),
                7,
                0,
                block.timestamp
            )
        );
        bytes32 domain = Digests.domain("Stead Test Dollar", address(dollar));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, Digests.typed(domain, permit));
        dollar.permit(vm.addr(KEY), address(0x77), 7, block.timestamp, v, r, s);
        assertEq(dollar.allowance(vm.addr(KEY), address(0x77)), 7, "allowance");
    }

    /// @dev Escrow's authorization nonces are hashes; a token with sequential nonces would refuse them.
    function test_authorizationNoncesMayBeAnyWord() public {
        TestDollar dollar = new TestDollar();
        address from = vm.addr(KEY);
        dollar.mint(from, 10);
        bytes32 domain = Digests.domain("Stead Test Dollar", address(dollar));
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 nonce = keccak256(abi.encode(i));
            bytes32 digest = Digests.receiveAuthorization(domain, from, address(this), 2, 0, type(uint256).max, nonce);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
            dollar.receiveWithAuthorization(from, address(this), 2, 0, type(uint256).max, nonce, v, r, s);
            vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, from, nonce));
            dollar.receiveWithAuthorization(from, address(this), 2, 0, type(uint256).max, nonce, v, r, s);
        }
        assertEq(dollar.balanceOf(address(this)), 6, "received");
    }
}
