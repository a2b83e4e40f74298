// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Reads what a payer and a node signed: one revision of their storage agreement
/// @notice The document is DAG-CBOR in its one canonical form: a map of fifteen entries whose keys come shorter ones first,
/// definite lengths, shortest heads. So a reader that expects exactly this needs to know nothing else about CBOR.
/// @dev What is signed is the document's SHA-256, and two readers of one document must never see two agreements: all of
///      it is read, and whatever is not what packages/storage writes is refused.
library AgreementDocuments {
    /// @notice What a challenge needs of a revision.
    struct Agreement {
        address node;
        address payer;
        address escrow;
        uint256 chainId;
        bytes32 number;
        uint256 revision;
        uint256 atSecond;
        bytes32 root;
        uint256 leaves;
        uint256 slots;
    }

    bytes32 private constant AGREEMENT_PURPOSE = keccak256("stead/agreement");
    bytes32 private constant REVISION_PURPOSE = keccak256("stead/agreement-revision");

    error DocumentUnreadable(uint256 at);

    /// @notice The revision that a document says.
    /// @param document Its bytes.
    function read(bytes calldata document) internal pure returns (Agreement memory agreement) {
        uint256 at = _expect(document, 0, hex"af646e6f646554", 7);
        agreement.node = address(bytes20(_word(document, at, 20)));
        at = _expect(document, at + 20, hex"64726f6f745820", 7);
        agreement.root = _word(document, at, 32);
        at = _expect(document, at + 32, "\x65bytes", 6);
        (, at) = _uint(document, at);
        at = _expect(document, at, "\x65payer\x54", 7);
        agreement.payer = address(bytes20(_word(document, at, 20)));
        at = _expect(document, at + 20, "\x65slots", 6);
        (agreement.slots, at) = _uint(document, at);
        at = _expect(document, at, "\x66escrow\x54", 8);
        agreement.escrow = address(bytes20(_word(document, at, 20)));
        at = _expect(document, at + 20, "\x66leaves", 7);
        (agreement.leaves, at) = _uint(document, at);
        at = _expect(document, at, "\x66number\x50", 8);
        agreement.number = _word(document, at, 16);
        at = _expect(document, at + 16, "\x66pieces", 7);
        (, at) = _uint(document, at);
        at = _expect(document, at, "\x67chainId", 8);
        (agreement.chainId, at) = _uint(document, at);
        at = _expect(document, at, "\x67version\x01\x68atSecond", 18);
        (agreement.atSecond, at) = _uint(document, at);
        at = _expect(document, at, "\x68revision", 9);
        (agreement.revision, at) = _uint(document, at);
        at = _expect(document, at, "\x6edueByteSeconds", 15);
        (, at) = _uint(document, at);
        at = _expect(document, at, "\x77priceMicroUsdPerTibHour", 24);
        (, at) = _uint(document, at);
        if (at != document.length || agreement.revision > type(uint32).max) revert DocumentUnreadable(at);
    }

    /// @notice The name of an agreement through all its revisions.
    function idOf(Agreement memory agreement) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                AGREEMENT_PURPOSE,
                agreement.chainId,
                agreement.escrow,
                agreement.payer,
                agreement.node,
                agreement.number
            )
        );
    }

    /// @notice The slot in which payer and node each say one revision.
    function slotOf(bytes32 id, uint256 revision) internal pure returns (bytes32) {
        return keccak256(abi.encode(REVISION_PURPOSE, id, revision));
    }

    /// @dev Passes over text that must be there; `length` of `text` are compared.
    function _expect(bytes calldata document, uint256 at, bytes32 text, uint256 length) private pure returns (uint256) {
        if (_word(document, at, length) != text) revert DocumentUnreadable(at);
        return at + length;
    }

    /// @dev Up to 32 bytes, filled up with zeros.
    function _word(bytes calldata document, uint256 at, uint256 length) private pure returns (bytes32) {
        if (at + length > document.length) revert DocumentUnreadable(at);
        return bytes32(document[at:at + length]);
    }

    /// @dev An unsigned integer in its shortest spelling, and where it ends.
    function _uint(bytes calldata document, uint256 at) private pure returns (uint256 value, uint256 end) {
        value = uint8(bytes1(_word(document, at, 1)));
        if (value < 24) return (value, at + 1);
        if (value > 27) revert DocumentUnreadable(at);
        uint256 length = 1 << (value - 24);
        value = uint256(_word(document, at + 1, length)) >> (256 - 8 * length);
        if (value < (length == 1 ? 24 : 1 << (4 * length))) revert DocumentUnreadable(at);
        end = at + 1 + length;
    }
}
