// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Stake} from "./Stake.sol";
import {Statements} from "./Statements.sol";

/// @title Equivocation: two statements of one node for one slot
/// @notice Anybody brings them; the node loses all of its stake and can never be bonded again.
/// @dev There is nothing to weigh: a node signs one payload per slot, or it lies to somebody. Nothing is asked about
///      what the slot is, so every kind of statement is covered, also kinds that are invented later.
contract Equivocation {
    /// @notice One of the two statements.
    /// @param payload What was said.
    /// @param r First half of the node's EIP-2098 signature.
    /// @param vs Second half.
    struct Said {
        bytes32 payload;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Where stake is taken.
    Stake public immutable stake;

    error SamePayload(bytes32 payload);
    error DifferentSigners(address first, address second);

    constructor(Stake stake_) {
        stake = stake_;
    }

    /// @notice Punishes the node that signed both. The caller is the reporter and receives its part.
    /// @param slot The slot that both statements are for.
    /// @param first One statement.
    /// @param second The other, with another payload.
    /// @return node Who signed both.
    /// @return taken What it lost, in the token's unit.
    function report(bytes32 slot, Said calldata first, Said calldata second)
        external
        returns (address node, uint256 taken)
    {
        if (first.payload == second.payload) revert SamePayload(first.payload);
        node = Statements.signerOf(slot, first.payload, first.r, first.vs);
        address other = Statements.signerOf(slot, second.payload, second.r, second.vs);
        if (node != other) revert DifferentSigners(node, other);
        taken = stake.slash(node, slot, 10_000, msg.sender);
    }
}
