// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Statements: what a node says once
/// @notice `Statement(bytes32 slot,bytes32 payload)` by EIP-712 in the domain "Stead" 1, which names neither chain nor
/// contract: what a node signs is the same evidence everywhere, and the slot binds what it is about.
library Statements {
    bytes32 private constant SEPARATOR = keccak256(
        abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Stead"), keccak256("1"))
    );
    bytes32 private constant TYPEHASH = keccak256("Statement(bytes32 slot,bytes32 payload)");

    error StatementSignatureInvalid();

    /// @notice The node that signed a statement.
    /// @param slot The place where a node may say one thing only.
    /// @param payload What it said.
    /// @param r First half of the EIP-2098 signature.
    /// @param vs Second half.
    function signerOf(bytes32 slot, bytes32 payload, bytes32 r, bytes32 vs) internal pure returns (address signer) {
        bytes32 digest =
            keccak256(abi.encodePacked(hex"1901", SEPARATOR, keccak256(abi.encode(TYPEHASH, slot, payload))));
        ECDSA.RecoverError fault;
        (signer, fault,) = ECDSA.tryRecover(digest, r, vs);
        if (fault != ECDSA.RecoverError.NoError) revert StatementSignatureInvalid();
    }
}
