// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Merkle-sum tree of a purse's allocations
/// @notice Each inner node hashes both children *and their sums*. Whoever opens a path from a leaf to the root has
/// therefore also fixed what every sibling subtree may hold, so leaves that verify can never total more than the root,
/// whatever the builder of the tree hid elsewhere.
/// @dev leaf  = keccak256(0x00 ‖ node (20) ‖ operator (20) ‖ allocation (16)), its sum is the allocation
///      inner = keccak256(0x01 ‖ left (32) ‖ leftSum (16) ‖ right (32) ‖ rightSum (16)), its sum is leftSum + rightSum
///      The first byte separates the two kinds, so that no inner node can be passed off as a leaf.
library MerkleSum {
    /// @notice One level of a branch, from the leaf upwards: the other child and its sum.
    struct Sibling {
        bytes32 hash;
        uint128 sum;
    }

    /// @notice The hash of one provider's leaf.
    function leafHash(address node, address operator, uint128 allocation) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(0x00), node, operator, allocation));
    }

    /// @notice The root that a leaf and its branch lead to.
    /// @param hash The leaf's hash.
    /// @param allocation The leaf's sum.
    /// @param index Bit i says whether our node is the right child at level i, counted from the leaf.
    /// @param branch The siblings, from the leaf upwards.
    /// @return root The root's hash, or zero when a sum does not fit in 128 bits.
    /// @return sum The root's sum; above 2^128 - 1 exactly when it did not fit, so it equals no purse's total then.
    function rootOf(bytes32 hash, uint128 allocation, uint256 index, Sibling[] calldata branch)
        internal
        pure
        returns (bytes32 root, uint256 sum)
    {
        root = hash;
        sum = allocation;
        for (uint256 level = 0; level < branch.length; ++level) {
            Sibling calldata sibling = branch[level];
            root = (index >> level) & 1 == 1
                ? keccak256(abi.encodePacked(uint8(0x01), sibling.hash, sibling.sum, root, uint128(sum)))
                : keccak256(abi.encodePacked(uint8(0x01), root, uint128(sum), sibling.hash, sibling.sum));
            sum += sibling.sum;
            if (sum > type(uint128).max) return (bytes32(0), sum);
        }
    }
}
