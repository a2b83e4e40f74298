// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AgreementDocuments} from "../src/AgreementDocuments.sol";
import {Possession} from "../src/Possession.sol";
import {PossessionProofs} from "../src/PossessionProofs.sol";
import {PossessionBench} from "./support/PossessionBench.sol";

/// @notice What is an answer and what is none.
contract PossessionProofsTest is PossessionBench {
    function setUp() public {
        deployPossession();
    }

    function test_draws_areThoseOfTheStoragePackage() public view {
        for (uint256 i = 0; i < 128; ++i) {
            string memory at = string.concat(".draws[", vm.toString(i), "]");
            bytes32 seed = vm.parseJsonBytes32(vectors, string.concat(at, ".seed"));
            uint256 leaves = vm.parseJsonUint(vectors, string.concat(at, ".leaves"));
            for (uint256 number = 0; number < 5; ++number) {
                uint256 expected = vm.parseJsonUint(vectors, string.concat(at, ".leaf", vm.toString(number)));
                assertEq(PossessionProofs.challenged(seed, number, leaves), expected, "leaf");
            }
        }
    }

    function test_answer_ofEverySet() public {
        string[5] memory names = ["one", "mixed", "shrunk", "slots1024", "slots32768"];
        for (uint256 i = 0; i < 5; ++i) {
            possession.answer(drawn(names[i], 0), proofOf(names[i], 0));
        }
        for (uint256 seed = 1; seed < 6; ++seed) {
            possession.answer(drawn("mixed", seed), proofOf("mixed", seed));
        }
    }

    function test_answer_isForItsSeed() public {
        uint256 number = drawn("mixed", 0);
        bytes memory proof = proofOf("mixed", 1);
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, proof);
        possession.answer(number, proofOf("mixed", 0));
    }

    /// @dev The same seed, and pieces that the other agreement of the same two has as well.
    function test_answer_isForItsAgreement() public {
        uint256 number = drawn("other", 0);
        bytes memory proof = proofOf("mixed", 0);
        vm.expectPartialRevert(PossessionProofs.LeafWrong.selector);
        possession.answer(number, proof);
        number = drawn("mixed", 0);
        proof = proofOf("shrunk", 0);
        vm.expectPartialRevert(PossessionProofs.LeafWrong.selector);
        possession.answer(number, proof);
    }

    function testFuzz_answer_noBitCanBeAnother(uint256 answer, uint256 place, uint256 bit) public {
        answer = bound(answer, 0, 5);
        bytes memory proof = proofOf("mixed", answer);
        uint256 number = drawn("mixed", answer);
        place = bound(place, 0, proof.length - 1);
        proof[place] ^= bytes1(uint8(1 << bound(bit, 0, 7)));
        vm.expectRevert();
        possession.answer(number, proof);
    }

    /// @dev Everything but hashes, bit for bit: the piece's bytes, the index, the slot.
    function test_answer_noNumberCanBeAnother() public {
        uint256 number = drawn("mixed", 0);
        bytes memory proof = proofOf("mixed", 0);
        for (uint256 place = 64; place < 75; ++place) {
            for (uint256 bit = 0; bit < 8; ++bit) {
                proof[place] ^= bytes1(uint8(1 << bit));
                vm.expectRevert();
                possession.answer(number, proof);
                proof[place] ^= bytes1(uint8(1 << bit));
            }
        }
        possession.answer(number, proof);
    }

    function test_answer_slotsEndWhereTheTreeEnds() public {
        uint256 number = drawn("one", 0);
        bytes memory proof = proofOf("one", 0);
        // The only slot is 0; without levels nothing else would tell 1 from it.
        proof[74] = 0x01;
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, proof);
        number = drawn("mixed", 0);
        proof = proofOf("mixed", 0);
        proof[74] |= 0x10;
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, proof);
    }

    /// @dev An index behind the piece's end is a leaf of nothing, wherever it leads.
    function test_answer_indexesEndWhereThePieceEnds() public {
        uint256 number = drawn("one", 0);
        bytes memory proof = proofOf("one", 0);
        proof[71] = 0x01;
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, proof);
    }

    /// @dev All that there is said to be lies before our piece: then its first leaf has another number. The root of the
    ///      tree says what the sums are.
    function test_answer_sumsCannotLie() public {
        uint256 number = drawn("mixed", 0);
        bytes memory proof = proofOf("mixed", 0);
        uint256 length = uint32(bytes4(part(proof, 64)));
        uint256 sums = 75 + 32 * depthOf(length) + 32;
        for (uint256 level = 0; level < 4; ++level) {
            uint256 at = sums + 37 * level + 4;
            proof[at] = bytes1(uint8(proof[at]) ^ 0x03);
            vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
            possession.answer(number, proof);
            proof[at] = bytes1(uint8(proof[at]) ^ 0x03);
        }
        possession.answer(number, proof);
    }

    /// @dev An empty place is known by zeros and has no leaves; somebody says that there is a piece without bytes.
    function test_answer_nothingIsNoLeaf() public {
        uint256 number = drawn("mixed", 0);
        bytes memory proof = proofOf("mixed", 0);
        for (uint256 place = 0; place < 75; ++place) {
            proof[place] = 0;
        }
        proof[74] = 0x01;
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, proof);
        possession.answer(number, proofOf("mixed", 0));
    }

    /// @dev Both signed that there are two leaves, and the tree has one. What does not fit cannot be answered: neither may
    ///      sign it.
    function test_answer_leavesAreThoseOfTheTree() public {
        Possession.Signed memory signed = signedOf("one");
        uint256 at = 0;
        while (bytes7(part(signed.document, at)) != "\x66leaves") ++at;
        signed.document[at + 7] = 0x02;
        bytes32 slot = AgreementDocuments.slotOf(idOf("one"), 1);
        (signed.nodeR, signed.nodeVs) = say(nodeKey, slot, sha256(signed.document));
        (signed.payerR, signed.payerVs) =
            say(uint256(vm.parseJsonBytes32(vectors, ".payerKey")), slot, sha256(signed.document));
        giveDeposit();
        vm.prank(CHALLENGER);
        uint256 number = possession.announce(signed);
        uint256 seed = 0;
        for (uint256 drawnFirst = 0; drawnFirst < 5; ++seed) {
            drawnFirst = 0;
            while (drawnFirst < 5 && PossessionProofs.challenged(bytes32(seed + 1), drawnFirst, 2) == 0) ++drawnFirst;
        }
        passSeedBlock(number, bytes32(seed));
        possession.draw(number);
        bytes memory proof = proofOf("one", 0);
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, proof);
    }

    function test_answer_isWholeAndNoMore() public {
        uint256 number = drawn("mixed", 0);
        bytes memory proof = proofOf("mixed", 0);
        vm.expectRevert(PossessionProofs.ProofTooLong.selector);
        possession.answer(number, abi.encodePacked(proof, uint8(0)));
        bytes memory short = proof;
        assembly ("memory-safe") {
            mstore(short, sub(mload(short), 1))
        }
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.ProofTooShort.selector, 4));
        possession.answer(number, short);
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.ProofTooShort.selector, 0));
        possession.answer(number, "");
    }

    /// @dev One leaf five times is what some other seed asks for, not this one.
    function test_answer_leavesComeInTheirOrder() public {
        uint256 number = drawn("slots1024", 0);
        bytes memory proof = proofOf("slots1024", 0);
        uint256 size = proof.length / 5;
        bytes memory swapped = new bytes(proof.length);
        for (uint256 place = 0; place < proof.length; ++place) {
            swapped[place] = proof[place < size ? place + size : place < 2 * size ? place - size : place];
        }
        vm.expectRevert(abi.encodeWithSelector(PossessionProofs.LeafWrong.selector, 0));
        possession.answer(number, swapped);
    }

    function test_documents_areReadAsTheyWereWritten() public view {
        string[6] memory names = ["one", "mixed", "shrunk", "nothing", "slots1024", "slots32768"];
        for (uint256 i = 0; i < 6; ++i) {
            AgreementDocuments.Agreement memory read = this.read(signedOf(names[i]).document);
            string memory at = string.concat(".agreements.", names[i]);
            assertEq(AgreementDocuments.idOf(read), idOf(names[i]), "id");
            assertEq(read.root, vm.parseJsonBytes32(vectors, string.concat(at, ".root")), "root");
            assertEq(read.leaves, vm.parseJsonUint(vectors, string.concat(at, ".leaves")), "leaves");
            assertEq(read.slots, vm.parseJsonUint(vectors, string.concat(at, ".slots")), "slots");
            assertEq(read.revision, vm.parseJsonUint(vectors, string.concat(at, ".revision")), "revision");
            assertEq(read.atSecond, vm.parseJsonUint(vectors, ".atSecond"), "second");
        }
    }

    function testFuzz_documents_noBitCanBeAnother(uint256 place, uint256 bit) public {
        giveDeposit();
        Possession.Signed memory signed = signedOf("mixed");
        place = bound(place, 0, signed.document.length - 1);
        signed.document[place] ^= bytes1(uint8(1 << bound(bit, 0, 7)));
        vm.expectRevert();
        vm.prank(CHALLENGER);
        possession.announce(signed);
    }

    /// @dev A number that is spelled longer than it must be, and an end that comes too early or too late.
    function test_documents_haveOneSpelling() public {
        bytes memory document = signedOf("one").document;
        uint256 version = 0;
        while (bytes9(part(document, version)) != "\x67version\x01") ++version;
        bytes memory long = new bytes(document.length + 1);
        for (uint256 place = 0; place < long.length; ++place) {
            long[place] = document[place <= version + 8 ? place : place - 1];
        }
        long[version + 8] = 0x18;
        vm.expectRevert(abi.encodeWithSelector(AgreementDocuments.DocumentUnreadable.selector, version));
        this.read(long);
        vm.expectRevert(abi.encodeWithSelector(AgreementDocuments.DocumentUnreadable.selector, document.length));
        this.read(abi.encodePacked(document, uint8(0)));
        // The slots are one, which is spelled in one byte.
        uint256 slots = 0;
        while (bytes6(part(document, slots)) != "\x65slots") ++slots;
        slots += 6;
        for (uint256 place = 0; place < long.length; ++place) {
            long[place] = document[place <= slots ? place : place - 1];
        }
        long[slots] = 0x18;
        long[slots + 1] = 0x01;
        vm.expectRevert(abi.encodeWithSelector(AgreementDocuments.DocumentUnreadable.selector, slots));
        this.read(long);
        assembly ("memory-safe") {
            mstore(document, 100)
        }
        vm.expectPartialRevert(AgreementDocuments.DocumentUnreadable.selector);
        this.read(document);
    }

    function read(bytes calldata document) external pure returns (AgreementDocuments.Agreement memory) {
        return AgreementDocuments.read(document);
    }

    function part(bytes memory whole, uint256 at) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(whole, 32), at))
        }
    }

    function depthOf(uint256 length) private pure returns (uint256 depth) {
        for (depth = 11; (65_536 << (depth - 11)) < length;) {
            ++depth;
        }
    }
}
