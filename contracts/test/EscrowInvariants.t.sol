// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {EscrowActors, Held} from "./support/EscrowActors.sol";
import {HostileToken} from "./support/HostileToken.sol";
import {Test} from "./support/Vm.sol";

/// @notice What holds after any sequence of moves by anybody.
contract EscrowInvariantsTest is Test {
    EscrowActors private actors;
    Escrow private escrow;
    HostileToken private token;

    function setUp() public {
        actors = new EscrowActors();
        escrow = actors.escrow();
        token = actors.token();
    }

    /// @dev Read by forge: only the actors move.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev Read by forge: all moves but the final settlement.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[14] memory moves = [
            EscrowActors.fundHonestly.selector,
            EscrowActors.fundHonestly.selector,
            EscrowActors.fundWithLie.selector,
            EscrowActors.vouch.selector,
            EscrowActors.claimBatch.selector,
            EscrowActors.raceAtTheEnd.selector,
            EscrowActors.payout.selector,
            EscrowActors.thaw.selector,
            EscrowActors.close.selector,
            EscrowActors.steal.selector,
            EscrowActors.lie.selector,
            EscrowActors.overdraw.selector,
            EscrowActors.callBackInTransfer.selector,
            EscrowActors.wait.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actors), new bytes4[](moves.length + 1));
        for (uint256 i = 0; i < moves.length; ++i) {
            targets[0].selectors[i] = moves[i];
        }
        targets[0].selectors[moves.length] = EscrowActors.donate.selector;
    }

    function invariant_everyRuleHolds() public view {
        noRuleIsBroken();
        valueIsConserved();
        operatorsHaveExactlyWhatVouchersSay();
        payersHaveExactlyWhatWasNotClaimed();
        thievesHaveNothing();
    }

    /// @dev At the end of each sequence: whoever holds a valid branch can still collect its best voucher in full.
    function afterInvariant() public {
        actors.settleEverything();
        this.invariant_everyRuleHolds();
        assertEq(token.balanceOf(address(escrow)), escrow.feesHeld() + actors.donated(), "only fees and gifts are left");
    }

    function noRuleIsBroken() private view {
        string[] memory broken = actors.brokenRules();
        if (broken.length > 0) assertTrue(false, broken[0]);
    }

    function valueIsConserved() private view {
        uint256 accounted = escrow.feesHeld() + actors.donated();
        bytes32[] memory purses = actors.purses();
        for (uint256 i = 0; i < purses.length; ++i) {
            Settlement.Purse memory p = escrow.purse(purses[i]);
            if (!p.closed) accounted += p.total - p.claimed;
        }
        for (uint256 i = 0; i < 4; ++i) {
            accounted += escrow.owed(actors.operatorAt(i));
        }
        assertEq(token.balanceOf(address(escrow)), accounted, "balance = purses + owed + fees (+ gifts)");
    }

    function operatorsHaveExactlyWhatVouchersSay() private view {
        uint256[4] memory net;
        uint256 fees = 0;
        Held[] memory held = actors.held();
        for (uint256 i = 0; i < held.length; ++i) {
            uint128 claimed = claimedOn(held[i]);
            assertTrue(claimed <= held[i].best, "no more than the best voucher");
            uint256 fee = (uint256(claimed) * 777) / 10_000;
            fees += fee;
            net[uint160(held[i].leaf.operator) - 0x5000] += claimed - fee;
        }
        assertEq(escrow.feesHeld(), fees, "fees");
        for (uint256 i = 0; i < 4; ++i) {
            address operator = actors.operatorAt(i);
            assertEq(escrow.owed(operator) + token.balanceOf(operator), net[i], "operator");
        }
    }

    function payersHaveExactlyWhatWasNotClaimed() private view {
        uint256[3] memory refunded;
        bytes32[] memory purses = actors.purses();
        for (uint256 i = 0; i < purses.length; ++i) {
            Settlement.Purse memory p = escrow.purse(purses[i]);
            assertTrue(p.claimed <= p.total, "a purse pays no more than it holds");
            for (uint256 j = 0; p.closed && j < 3; ++j) {
                if (p.payer == actors.payerAt(j)) refunded[j] += p.total - p.claimed;
            }
        }
        for (uint256 j = 0; j < 3; ++j) {
            assertEq(token.balanceOf(actors.payerAt(j)), refunded[j], "payer");
        }
    }

    function thievesHaveNothing() private view {
        assertEq(token.balanceOf(actors.thief()), 0, "thief's balance");
        assertEq(escrow.owed(actors.thief()), 0, "thief's credit");
    }

    function claimedOn(Held memory h) private view returns (uint128 claimed) {
        (claimed,,) = escrow.channel(escrow.channelIdOf(h.purse, h.leaf.node, h.leaf.operator, h.leaf.allocation));
    }
}
