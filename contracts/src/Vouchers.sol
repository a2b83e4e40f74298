// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @dev What a payer signs, by EIP-712.
bytes32 constant VOUCHER_TYPEHASH =
    keccak256("Voucher(bytes32 purse,address node,address operator,uint128 allocation,uint128 cumulative)");

/// @notice The six words that a voucher's EIP-712 hash covers, in their order. Words 1 to 4 are what a channel is.
struct Voucher {
    bytes32 typeHash;
    bytes32 purse;
    address node;
    address operator;
    uint256 allocation;
    uint256 cumulative;
}

/// @title Hashes and signatures of vouchers, taken where they lie in memory
/// @notice One copy of the words serves all claims of a batch: a batch of a hundred would else fill 50 kB of memory.
library Vouchers {
    bytes32 private constant LOWER_255_BITS = bytes32(type(uint256).max >> 1);
    uint256 private constant HALF_CURVE_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice keccak256(abi.encode(purse, node, operator, allocation)).
    function channelId(Voucher memory voucher) internal pure returns (bytes32 id) {
        assembly ("memory-safe") {
            id := keccak256(add(voucher, 0x20), 0x80)
        }
    }

    /// @notice Who signed a voucher; zero when the signature is none.
    /// @param domain The EIP-712 separator.
    /// @param r First half of the EIP-2098 signature.
    /// @param vs Second half.
    function signerOf(Voucher memory voucher, bytes32 domain, bytes32 r, bytes32 vs)
        internal
        pure
        returns (address signer)
    {
        bytes32 structHash;
        assembly ("memory-safe") {
            structHash := keccak256(voucher, 0xc0)
        }
        bytes32 s = vs & LOWER_255_BITS;
        // Each signature has a twin with the other s; only the one that EIP-2098 can spell for the lower half counts.
        if (uint256(s) > HALF_CURVE_ORDER) return address(0);
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        unchecked {
            signer = ecrecover(digest, uint8(27 + (uint256(vs) >> 255)), r, s);
        }
    }
}
