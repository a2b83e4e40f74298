// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Stake} from "../src/Stake.sol";
import {newStake} from "./support/Deploy.sol";
import {Digests} from "./support/EscrowTest.sol";
import {HostileToken} from "./support/HostileToken.sol";
import {Test} from "./support/Vm.sol";

contract StakeTest is Test {
    uint256 private constant NODE_KEY = 0x40DE;
    address private constant OPERATOR = address(0x0A);
    address private constant RIVAL = address(0x0B);

    HostileToken private token;
    Stake private stake;
    address private node;

    function setUp() public {
        vm.warp(1_800_000_000);
        token = new HostileToken(18);
        stake = newStake(address(token));
        node = vm.addr(NODE_KEY);
        address[2] memory owners = [OPERATOR, RIVAL];
        for (uint256 i = 0; i < 2; ++i) {
            token.mint(owners[i], 1_000 ether);
            vm.prank(owners[i]);
            token.approve(address(stake), type(uint256).max);
        }
    }

    function test_bond_makesTheCallerTheNodesOperator() public {
        bytes memory agreed = consent(NODE_KEY, node, OPERATOR);
        vm.expectEmit(address(stake));
        emit Stake.Bonded(node, OPERATOR, 10 ether, 10 ether);
        vm.prank(OPERATOR);
        stake.bond(node, 10 ether, agreed);
        assertEq(stake.operatorOf(node), OPERATOR, "operator");
        assertEq(stake.bonded(node), 10 ether, "bonded");
        assertEq(token.balanceOf(address(stake)), 10 ether, "balance");
        vm.prank(OPERATOR);
        stake.bond(node, 5 ether, "");
        assertEq(stake.bonded(node), 15 ether, "no consent is needed again");
    }

    function test_bond_takesShortSignatures() public {
        bytes memory agreed = sign64(NODE_KEY, consentDigest(node, OPERATOR));
        vm.prank(OPERATOR);
        stake.bond(node, 1, agreed);
        assertEq(stake.operatorOf(node), OPERATOR, "operator");
    }

    /// @dev Nobody may tie a node to itself that has not agreed, nor with a consent that was given to another.
    function test_bond_refusesWithoutTheNodesWord() public {
        bytes[4] memory refused = [
            bytes(""),
            consent(NODE_KEY, node, OPERATOR),
            consent(0xBAD, node, RIVAL),
            consent(NODE_KEY, address(0x77), RIVAL)
        ];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectPartialRevert(Stake.ConsentInvalid.selector);
            vm.prank(RIVAL);
            stake.bond(node, 1 ether, refused[i]);
        }
        bytes memory elsewhere = sign65(
            NODE_KEY,
            Digests.typed(
                Digests.domain("Stead Stake", address(0xDEAD)),
                keccak256(abi.encode(keccak256("NodeConsent(address node,address operator)"), node, RIVAL))
            )
        );
        vm.expectPartialRevert(Stake.ConsentInvalid.selector);
        vm.prank(RIVAL);
        stake.bond(node, 1 ether, elsewhere);
        assertEq(stake.operatorOf(node), address(0), "still nobody's");
    }

    function test_bond_aNodeNeverChangesHands() public {
        bondAs(OPERATOR, 1 ether);
        bytes memory agreed = consent(NODE_KEY, node, RIVAL);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotTheOperator.selector, RIVAL, OPERATOR));
        vm.prank(RIVAL);
        stake.bond(node, 1 ether, agreed);
        vm.prank(OPERATOR);
        vm.warp(stake.unbond(node, 1 ether));
        stake.withdraw(node);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotTheOperator.selector, RIVAL, OPERATOR));
        vm.prank(RIVAL);
        stake.bond(node, 1 ether, agreed);
    }

    function test_bond_refusesNothingAndShortDeposits() public {
        bytes memory agreed = consent(NODE_KEY, node, OPERATOR);
        vm.expectRevert(Stake.AmountZero.selector);
        vm.prank(OPERATOR);
        stake.bond(node, 0, agreed);
        token.keep(100);
        vm.expectRevert(abi.encodeWithSelector(Stake.DepositMismatch.selector, 1 ether, 0.99 ether));
        vm.prank(OPERATOR);
        stake.bond(node, 1 ether, agreed);
    }

    function test_unbond_isTheOperatorsAloneAndWithinTheBond() public {
        bondAs(OPERATOR, 10 ether);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotTheOperator.selector, RIVAL, OPERATOR));
        vm.prank(RIVAL);
        stake.unbond(node, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(Stake.BondTooSmall.selector, 10 ether, 10 ether + 1));
        vm.prank(OPERATOR);
        stake.unbond(node, 10 ether + 1);
        vm.expectRevert(Stake.AmountZero.selector);
        vm.prank(OPERATOR);
        stake.unbond(node, 0);
        vm.expectRevert(abi.encodeWithSelector(Stake.NotTheOperator.selector, RIVAL, address(0)));
        vm.prank(RIVAL);
        stake.unbond(address(0x77), 1);
    }

    function test_withdraw_onlyAfterFourteenDaysAndOnlyToTheOperator() public {
        bondAs(OPERATOR, 10 ether);
        uint64 endsAt = uint64(block.timestamp + 14 days);
        vm.expectEmit(address(stake));
        emit Stake.Unbonded(node, OPERATOR, 4 ether, endsAt);
        vm.prank(OPERATOR);
        assertEq(stake.unbond(node, 4 ether), endsAt, "endsAt");
        assertEq(stake.bonded(node), 6 ether, "bonded");
        assertEq(stake.thawing(node), 4 ether, "thawing");
        vm.warp(endsAt - 1);
        vm.expectRevert(abi.encodeWithSelector(Stake.NothingToWithdraw.selector, node, endsAt));
        stake.withdraw(node);
        vm.warp(endsAt);
        vm.prank(RIVAL);
        assertEq(stake.withdraw(node), 4 ether, "amount");
        assertEq(token.balanceOf(OPERATOR), 994 ether, "operator");
        assertEq(token.balanceOf(RIVAL), 1_000 ether, "caller");
        assertEq(stake.thawing(node), 0, "thawing");
        vm.expectRevert(abi.encodeWithSelector(Stake.NothingToWithdraw.selector, node, 0));
        stake.withdraw(node);
    }

    function test_unbond_severalWaitEachItsOwnTime() public {
        bondAs(OPERATOR, 10 ether);
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(start + i * 1 days);
            vm.prank(OPERATOR);
            stake.unbond(node, uint128(i + 1) * 1 ether);
        }
        vm.warp(start + 15 days);
        assertEq(stake.withdraw(node), 3 ether, "the first two");
        Stake.Unbonding[] memory waiting = stake.unbondings(node);
        assertEq(waiting.length, 1, "one waits");
        assertEq(waiting[0].amount, 3 ether, "amount");
        assertEq(waiting[0].endsAt, start + 16 days, "endsAt");
        vm.warp(start + 16 days);
        assertEq(stake.withdraw(node), 3 ether, "the last");
        assertEq(stake.bonded(node), 4 ether, "bonded");
    }

    function test_unbond_queueIsBounded() public {
        bondAs(OPERATOR, 100 ether);
        uint64 first = uint64(block.timestamp + 14 days);
        for (uint256 i = 0; i < 16; ++i) {
            vm.prank(OPERATOR);
            stake.unbond(node, 1 ether);
            vm.warp(block.timestamp + 1);
        }
        vm.expectRevert(abi.encodeWithSelector(Stake.TooManyUnbondings.selector, 16, 16, first));
        vm.prank(OPERATOR);
        stake.unbond(node, 1 ether);
        vm.warp(first);
        stake.withdraw(node);
        vm.prank(OPERATOR);
        stake.unbond(node, 1 ether);
        assertEq(stake.unbondings(node).length, 16, "room again");
    }

    /// @dev Deposit twice for one transfer, withdraw twice for one unbonding: the token calls back and asks. Its own
    /// bond would be in order at any other time.
    function test_cannotBeEnteredTwice() public {
        address second = vm.addr(NODE_KEY + 1);
        token.mint(address(token), 1);
        token.approveFromHere(address(stake), 1);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(Stake.withdraw, (node));
        calls[1] = abi.encodeCall(Stake.bond, (second, 1, consent(NODE_KEY + 1, second, address(token))));
        token.arm(address(stake), calls);
        bondAs(OPERATOR, 10 ether);
        vm.prank(OPERATOR);
        vm.warp(stake.unbond(node, 5 ether));
        token.arm(address(stake), calls);
        stake.withdraw(node);
        assertEq(token.callsMade(), 4, "called back");
        assertEq(token.callsSucceeded(), 0, "refused");
        assertEq(token.balanceOf(address(stake)), 5 ether, "paid once");
        (bool succeeded,) = prankCall(address(token), calls[1]);
        assertTrue(succeeded, "in order afterwards");
    }

    /// @dev Any order of bonds, unbonds and withdrawals of two nodes: every token is where the books say.
    function testFuzz_booksClose(uint256 seed) public {
        uint256[2] memory keys = [NODE_KEY, NODE_KEY + 1];
        for (uint256 step = 0; step < 40; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 who = seed % 2;
            address at = vm.addr(keys[who]);
            address owner = who == 0 ? OPERATOR : RIVAL;
            uint128 amount = uint128(bound(seed >> 16, 1, 20 ether));
            uint256 move = (seed >> 8) % 4;
            if (move == 0) {
                bytes memory agreed = consent(keys[who], at, owner);
                vm.prank(owner);
                stake.bond(at, amount, agreed);
            } else if (move == 1 && stake.bonded(at) > 0 && stake.unbondings(at).length < 16) {
                amount = uint128(bound(amount, 1, stake.bonded(at)));
                vm.prank(owner);
                stake.unbond(at, amount);
            } else if (move == 2) {
                vm.warp(block.timestamp + (seed >> 200) % 5 days);
            } else {
                uint256 mature = matureOf(at);
                uint256 before = token.balanceOf(owner);
                if (mature == 0) vm.expectPartialRevert(Stake.NothingToWithdraw.selector);
                stake.withdraw(at);
                assertEq(token.balanceOf(owner) - before, mature, "exactly what has thawed");
            }
            uint256 booked = 0;
            for (uint256 i = 0; i < 2; ++i) {
                address each = vm.addr(keys[i]);
                booked += uint256(stake.bonded(each)) + stake.thawing(each);
                assertEq(stake.thawing(each), waitingOf(each), "thawing = sum of unbondings");
            }
            assertEq(token.balanceOf(address(stake)), booked, "balance = bonded + thawing");
            assertEq(
                token.balanceOf(OPERATOR) + token.balanceOf(RIVAL) + booked, 2_000 ether, "nothing appears or vanishes"
            );
        }
    }

    function bondAs(address operator, uint128 amount) private {
        bytes memory agreed = consent(NODE_KEY, node, operator);
        vm.prank(operator);
        stake.bond(node, amount, agreed);
    }

    function prankCall(address from, bytes memory data) private returns (bool succeeded, bytes memory result) {
        vm.prank(from);
        return address(stake).call(data);
    }

    function matureOf(address at) private view returns (uint256 sum) {
        Stake.Unbonding[] memory waiting = stake.unbondings(at);
        for (uint256 i = 0; i < waiting.length; ++i) {
            if (waiting[i].endsAt <= block.timestamp) sum += waiting[i].amount;
        }
    }

    function waitingOf(address at) private view returns (uint256 sum) {
        Stake.Unbonding[] memory waiting = stake.unbondings(at);
        for (uint256 i = 0; i < waiting.length; ++i) {
            sum += waiting[i].amount;
        }
    }

    function consentDigest(address at, address operator) private view returns (bytes32) {
        return Digests.typed(
            Digests.domain("Stead Stake", address(stake)),
            keccak256(abi.encode(keccak256("NodeConsent(address node,address operator)"), at, operator))
        );
    }

    function consent(uint256 key, address at, address operator) private view returns (bytes memory) {
        return sign65(key, consentDigest(at, operator));
    }
}
