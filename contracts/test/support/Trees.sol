// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleSum} from "../../src/MerkleSum.sol";

/// @notice One provider's share, as a payer plans it.
struct Leaf {
    address node;
    address operator;
    uint128 allocation;
}

/// @notice A point of a tree: what its parent commits to.
struct Point {
    bytes32 hash;
    uint128 sum;
}

/// @notice Builds trees the way a payer does, and the way a lying payer would; shares no code with the contract.
library Trees {
    function leaf(Leaf memory l) internal pure returns (Point memory) {
        bytes memory preimage = bytes.concat(hex"00", bytes20(l.node), bytes20(l.operator), bytes16(l.allocation));
        return Point(keccak256(preimage), l.allocation);
    }

    /// @dev The honest parent; sums may wrap only because a liar would let them.
    function join(Point memory left, Point memory right) internal pure returns (Point memory) {
        bytes memory preimage = bytes.concat(hex"01", left.hash, bytes16(left.sum), right.hash, bytes16(right.sum));
        unchecked {
            return Point(keccak256(preimage), left.sum + right.sum);
        }
    }

    /// @dev A point that pretends to hold another sum than it does.
    function pretend(Point memory point, uint128 sum) internal pure returns (Point memory) {
        return Point(point.hash, sum);
    }

    function root(Leaf[] memory leaves) internal pure returns (Point memory) {
        Point[] memory level = _points(leaves);
        while (level.length > 1) level = _above(level);
        return level[0];
    }

    /// @dev A lone last point of a level moves up as it is, so branches differ in length.
    function branch(Leaf[] memory leaves, uint256 position)
        internal
        pure
        returns (uint256 index, MerkleSum.Sibling[] memory siblings)
    {
        Point[] memory level = _points(leaves);
        siblings = new MerkleSum.Sibling[](32);
        uint256 depth = 0;
        while (level.length > 1) {
            uint256 other = position ^ 1;
            if (other < level.length) {
                siblings[depth] = MerkleSum.Sibling(level[other].hash, level[other].sum);
                index |= (position & 1) << depth;
                ++depth;
            }
            level = _above(level);
            position >>= 1;
        }
        siblings = first(siblings, depth);
    }

    function first(MerkleSum.Sibling[] memory siblings, uint256 count)
        internal
        pure
        returns (MerkleSum.Sibling[] memory kept)
    {
        kept = new MerkleSum.Sibling[](count);
        for (uint256 i = 0; i < count; ++i) {
            kept[i] = siblings[i];
        }
    }

    function one(Point memory sibling) internal pure returns (MerkleSum.Sibling[] memory siblings) {
        siblings = new MerkleSum.Sibling[](1);
        siblings[0] = MerkleSum.Sibling(sibling.hash, sibling.sum);
    }

    function two(Point memory lower, Point memory upper) internal pure returns (MerkleSum.Sibling[] memory siblings) {
        siblings = new MerkleSum.Sibling[](2);
        siblings[0] = MerkleSum.Sibling(lower.hash, lower.sum);
        siblings[1] = MerkleSum.Sibling(upper.hash, upper.sum);
    }

    function _points(Leaf[] memory leaves) private pure returns (Point[] memory points) {
        points = new Point[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            points[i] = leaf(leaves[i]);
        }
    }

    function _above(Point[] memory level) private pure returns (Point[] memory above) {
        above = new Point[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            above[i] = 2 * i + 1 < level.length ? join(level[2 * i], level[2 * i + 1]) : level[2 * i];
        }
    }
}
