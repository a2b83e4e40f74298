// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Stake} from "../src/Stake.sol";
import {Escrow} from "../src/Escrow.sol";
import {MerkleSum} from "../src/MerkleSum.sol";
import {Settlement} from "../src/Settlement.sol";
import {Made} from "./support/Claims.sol";
import {newStake} from "./support/Deploy.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

/// @notice The contracts against answers that another implementation computed: what this side and the TypeScript side
/// both get wrong in the same way would show here.
contract VectorsTest is EscrowTest {
    string private answers;

    function setUp() public override {
        super.setUp();
        answers = vm.readFile("vectors/known-answers.json");
        // The answers name their addresses; the code of the real contracts is put there.
        address at = word160(".escrow.address");
        vm.etch(at, address(escrow).code);
        escrow = Escrow(at);
        payer = word160(".payer");
        dollar.mint(payer, 1_000_000 * DOLLAR);
        vm.prank(payer);
        dollar.approve(at, type(uint256).max);
    }

    function test_vectors_idsAndVouchers() public {
        bytes32 purse = fundAs(
            payer, word256(".escrow.root"), uint128(number(".escrow.total")), address(0), word256(".escrow.salt")
        );
        assertEq(purse, word256(".escrow.purse"), "purse");
        Made memory made = leafClaim(purse, 0);
        made.cumulative = uint128(number(".escrow.voucher.cumulative"));
        made.signature = vm.parseJsonBytes(answers, ".escrow.voucher.signature");
        assertEq(
            escrow.channelIdOf(purse, made.node, made.operator, made.allocation), word256(".escrow.channel0"), "channel"
        );
        submit(made);
        assertEq(escrow.owed(made.operator), netOf(made.cumulative), "paid");
    }

    function test_vectors_compactVoucher() public {
        bytes32 purse = fundAs(
            payer, word256(".escrow.root"), uint128(number(".escrow.total")), address(0), word256(".escrow.salt")
        );
        Made memory made = leafClaim(purse, 0);
        made.cumulative = uint128(number(".escrow.voucher.cumulative"));
        made.signature = vm.parseJsonBytes(answers, ".escrow.voucher.compactSignature");
        submit(made);
        assertEq(escrow.owed(made.operator), netOf(made.cumulative), "paid");
    }

    /// @dev Every leaf's branch passes: the fault that is found is the missing signature.
    function test_vectors_branches() public {
        bytes32 purse = fundAs(
            payer, word256(".escrow.root"), uint128(number(".escrow.total")), address(0), word256(".escrow.salt")
        );
        for (uint256 i = 0; i < 3; ++i) {
            Made memory made = leafClaim(purse, i);
            made.cumulative = made.allocation;
            vm.expectPartialRevert(Settlement.ClaimSignatureInvalid.selector);
            submit(made);
        }
    }

    function test_vectors_nodeConsent() public {
        address at = word160(".stake.address");
        vm.etch(at, address(newStake(address(dollar))).code);
        address operator = word160(".stake.consent.operator");
        address node = word160(".stake.consent.node");
        dollar.mint(operator, 1);
        vm.prank(operator);
        dollar.approve(at, 1);
        vm.prank(operator);
        Stake(at).bond(node, 1, vm.parseJsonBytes(answers, ".stake.consent.signature"));
        assertEq(Stake(at).operatorOf(node), operator, "operator");
    }

    function leafClaim(bytes32 purse, uint256 i) private view returns (Made memory made) {
        string memory digit = string(abi.encodePacked(uint8(48 + i)));
        string memory leaf = string.concat(".escrow.leaves[", digit, "]");
        made.purse = purse;
        made.opens = true;
        made.node = word160(string.concat(leaf, ".node"));
        made.operator = word160(string.concat(leaf, ".operator"));
        made.allocation = uint128(number(string.concat(leaf, ".allocation")));
        string memory branch = string.concat(".escrow.branch", digit);
        made.index = number(string.concat(branch, ".index"));
        made.branch = new MerkleSum.Sibling[](i == 2 ? 1 : 2);
        for (uint256 level = 0; level < made.branch.length; ++level) {
            string memory sibling = string.concat(branch, ".siblings[", level == 0 ? "0" : "1", "]");
            made.branch[level] = MerkleSum.Sibling(
                word256(string.concat(sibling, ".hash")), uint128(number(string.concat(sibling, ".sum")))
            );
        }
    }

    function word160(string memory key) private view returns (address) {
        return vm.parseJsonAddress(answers, key);
    }

    function word256(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(answers, key);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(answers, key);
    }
}
