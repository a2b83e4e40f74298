// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Proofs that somebody has the leaves of an agreement which a seed asks for
/// @notice All pieces of an agreement are leaves of 32 bytes in one row. A seed draws five of their numbers; each is
/// shown with its way up through its piece's tree and through the tree over the pieces, whose nodes also hash how many
/// leaves are below them, so that a number leads to one leaf of one piece.
/// @dev The hashes are those of packages/storage, all SHA-256:
///      piece tree     node = left (32) ‖ right (32); root = "stead proof tree 1" ‖ bytes (8) ‖ top (32)
///      tree of pieces leaf = 0x00 ‖ piece (32) ‖ root (32) ‖ bytes (8), its sum is the piece's number of leaves
///                     node = 0x01 ‖ left (32) ‖ leaves (8) ‖ right (32) ‖ leaves (8)
///      Calldata is what costs: a proof is packed, and what follows from the rest (roots of pieces) is not in it.
///      Each of the five: piece (32) ‖ leaf (32) ‖ the piece's bytes (4) ‖ leaf's index in it (4) ‖ slot (3)
///                        ‖ hashes up the piece (32 each) ‖ hash and leaves up the pieces (32 + 5 each)
library PossessionProofs {
    /// @notice Leaves that are shown.
    uint256 internal constant LEAVES = 5;
    /// @notice Most leaves of all pieces together: what fits in five bytes.
    uint256 internal constant LEAVES_MAX = type(uint40).max;
    uint256 private constant HEAD_BYTES = 75;
    uint256 private constant SIBLING_BYTES = 37;
    /// @dev Levels within 64 KiB of a piece, which every piece has.
    uint256 private constant BLOCK_LEVELS = 11;

    error LeafWrong(uint256 number);
    error ProofTooShort(uint256 number);
    error ProofTooLong();

    /// @dev What a proof is checked against.
    struct Wanted {
        bytes32 root;
        uint256 leaves;
        uint256 levels;
    }

    /// @notice Which leaf a seed asks for.
    /// @param seed Any 32 bytes.
    /// @param number 0 .. 4.
    /// @param leaves How many there are, at least one.
    function challenged(bytes32 seed, uint256 number, uint256 leaves) internal pure returns (uint256) {
        return uint128(bytes16(sha256(abi.encodePacked(seed, uint64(number))))) % leaves;
    }

    /// @notice Reverts unless a proof shows all leaves that a seed asks for.
    /// @param proof The five, one after another.
    /// @param seed What they were drawn by.
    /// @param root Root of the tree over the pieces.
    /// @param leaves Leaves of all pieces together.
    /// @param levels Levels of the tree over the pieces.
    function check(bytes calldata proof, bytes32 seed, bytes32 root, uint256 leaves, uint256 levels) internal view {
        Wanted memory wanted = Wanted(root, leaves, levels);
        uint256 at = 0;
        for (uint256 number = 0; number < LEAVES; ++number) {
            at = _check(proof, at, number, challenged(seed, number, leaves), wanted);
        }
        if (at != proof.length) revert ProofTooLong();
    }

    /// @dev Checks one of the five; where the next begins.
    function _check(bytes calldata proof, uint256 at, uint256 number, uint256 leaf, Wanted memory wanted)
        private
        view
        returns (uint256 end)
    {
        end = at + HEAD_BYTES + SIBLING_BYTES * wanted.levels;
        if (proof.length < end) revert ProofTooShort(number);
        uint256 length = uint32(bytes4(proof[at + 64:at + 68]));
        uint256 index = uint32(bytes4(proof[at + 68:at + 72]));
        uint256 slot = uint24(bytes3(proof[at + 72:at + 75]));
        uint256 sum = length == 0 ? 1 : (length + 31) / 32;
        uint256 depth = _depthOf(length);
        end += 32 * depth;
        if (proof.length < end) revert ProofTooShort(number);
        if (slot >> wanted.levels != 0 || index >= sum) revert LeafWrong(number);

        uint256 path;
        assembly ("memory-safe") {
            path := add(proof.offset, add(at, HEAD_BYTES))
        }
        bytes32 hash = _top(bytes32(proof[at + 32:at + 64]), index, path, depth);
        hash = _pieceHash(bytes32(proof[at:at + 32]), hash, length);
        uint256 before;
        (hash, sum, before) = _root(hash, sum, slot, path + 32 * depth, wanted.levels);
        if (hash != wanted.root || sum != wanted.leaves || before + index != leaf) revert LeafWrong(number);
    }

    /// @dev Levels of a piece's tree: those of a block, and what it takes to join as many blocks as there are.
    function _depthOf(uint256 length) private pure returns (uint256 depth) {
        depth = BLOCK_LEVELS;
        while (uint256(32) << depth < length) {
            ++depth;
        }
    }

    /// @dev A piece as a leaf of the tree over the pieces.
    function _pieceHash(bytes32 piece, bytes32 top, uint256 length) private pure returns (bytes32) {
        bytes32 root = sha256(abi.encodePacked("stead proof tree 1", uint64(length), top));
        return sha256(abi.encodePacked(uint8(0), piece, root, uint64(length)));
    }

    /// @dev The top of a piece's tree. Hashes lie at `path` in the calldata, lowest first.
    function _top(bytes32 leaf, uint256 index, uint256 path, uint256 depth) private view returns (bytes32 hash) {
        hash = leaf;
        assembly ("memory-safe") {
            for { let end := add(path, shl(5, depth)) } lt(path, end) { path := add(path, 32) } {
                // The left child lies at 0, the right one at 32: which of them is ours says the index' lowest bit.
                let ours := shl(5, and(index, 1))
                mstore(ours, hash)
                mstore(xor(ours, 32), calldataload(path))
                if iszero(staticcall(gas(), 2, 0, 64, 0, 32)) { revert(0, 0) }
                hash := mload(0)
                index := shr(1, index)
            }
        }
    }

    /// @dev The root over all pieces, the leaves below it, and how many of them come before our piece's.
    function _root(bytes32 leaf, uint256 leaves, uint256 slot, uint256 path, uint256 levels)
        private
        view
        returns (bytes32 hash, uint256 sum, uint256 before)
    {
        hash = leaf;
        sum = leaves;
        assembly ("memory-safe") {
            // 0x01, left hash, left sum, right hash, right sum: at 0, 1, 33, 41, 73 of free memory, 81 bytes.
            let node := mload(0x40)
            mstore8(node, 1)
            for { let end := add(path, mul(SIBLING_BYTES, levels)) } lt(path, end) { path := add(path, SIBLING_BYTES) }
            {
                let sibling := calldataload(path)
                let siblingSum := shr(216, calldataload(add(path, 32)))
                // Each word is written over the end of the one before it.
                switch and(slot, 1)
                case 0 {
                    mstore(add(node, 1), hash)
                    mstore(add(node, 33), shl(192, sum))
                    mstore(add(node, 41), sibling)
                    mstore(add(node, 73), shl(192, siblingSum))
                }
                default {
                    mstore(add(node, 1), sibling)
                    mstore(add(node, 33), shl(192, siblingSum))
                    mstore(add(node, 41), hash)
                    mstore(add(node, 73), shl(192, sum))
                    before := add(before, siblingSum)
                }
                if iszero(staticcall(gas(), 2, node, 81, 0, 32)) { revert(0, 0) }
                hash := mload(0)
                sum := add(sum, siblingSum)
                slot := shr(1, slot)
            }
        }
    }
}
