// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleSum} from "../../src/MerkleSum.sol";
import {Settlement} from "../../src/Settlement.sol";

/// @notice One claim with all that belongs to it, as a provider keeps it.
struct Made {
    bytes32 purse;
    address node;
    address operator;
    uint128 allocation;
    uint128 cumulative;
    bytes signature;
    /// @dev Whether the branch is brought along.
    bool opens;
    uint256 index;
    MerkleSum.Sibling[] branch;
}

/// @notice Puts claims into the form that the contract takes.
library Claims {
    /// @notice Neighbours of the same node and operator share a batch, so that the order stays.
    function batched(Made[] memory claims) internal pure returns (Settlement.Batch[] memory batches) {
        batches = new Settlement.Batch[](claims.length);
        uint256 count = 0;
        for (uint256 from = 0; from < claims.length;) {
            uint256 to = from + 1;
            while (to < claims.length && _together(claims[from], claims[to])) ++to;
            batches[count] = _batch(claims, from, to);
            ++count;
            from = to;
        }
        assembly ("memory-safe") {
            mstore(batches, count)
        }
    }

    function batched(Made memory claim) internal pure returns (Settlement.Batch[] memory) {
        Made[] memory claims = new Made[](1);
        claims[0] = claim;
        return batched(claims);
    }

    function _batch(Made[] memory claims, uint256 from, uint256 to)
        private
        pure
        returns (Settlement.Batch memory batch)
    {
        batch.node = claims[from].node;
        batch.operator = claims[from].operator;
        batch.claims = new Settlement.Claim[](to - from);
        batch.openings = new Settlement.Opening[](to - from);
        uint256 openings = 0;
        for (uint256 i = from; i < to; ++i) {
            Made memory made = claims[i];
            (bytes32 r, bytes32 vs) = _halves(made.signature);
            batch.claims[i - from] = Settlement.Claim(made.purse, made.allocation, made.cumulative, r, vs);
            if (!made.opens) continue;
            batch.openings[openings] = Settlement.Opening(i - from, made.index, made.branch);
            ++openings;
        }
        Settlement.Opening[] memory kept = batch.openings;
        assembly ("memory-safe") {
            mstore(kept, openings)
        }
    }

    /// @dev 65 bytes become 64 (EIP-2098); anything else is no signature at all.
    function _halves(bytes memory signature) private pure returns (bytes32 r, bytes32 vs) {
        if (signature.length < 64) return (0, 0);
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            vs := mload(add(signature, 0x40))
        }
        if (signature.length == 65 && signature[64] == 0x1c) vs |= bytes32(uint256(1) << 255);
    }

    function _together(Made memory a, Made memory b) private pure returns (bool) {
        return a.node == b.node && a.operator == b.operator;
    }
}
