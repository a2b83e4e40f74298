// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Possession} from "../src/Possession.sol";
import {PossessionBench} from "./support/PossessionBench.sol";

/// @notice What a possession challenge costs, base fee and calldata included; as GasTest. Pieces have a mebibyte.
contract PossessionGasTest is PossessionBench {
    function setUp() public {
        deployPossession();
    }

    function test_gas_answers() public {
        // The operator has a balance, as one has that is paid.
        token.transfer(operatorOf(nodeKey), 1);
        giveDeposit();
        Possession.Signed memory signed = signedOf("slots1024");
        vm.prank(CHALLENGER);
        uint256 number = possession.announce(signed);
        vm.snapshotGasLastCall("gas", "possession announce");
        passSeedBlock(number, seedOf("slots1024", 0));
        possession.draw(number);
        vm.snapshotGasLastCall("gas", "possession draw");
        bytes memory proof = proofOf("slots1024", 0);
        possession.answer(number, proof);
        vm.snapshotGasLastCall("gas", "possession answer (1,024 slots)");
        number = drawn("slots32768", 0);
        proof = proofOf("slots32768", 0);
        possession.answer(number, proof);
        vm.snapshotGasLastCall("gas", "possession answer (32,768 slots)");
    }

    function test_gas_otherEnds() public {
        uint256 number = drawn("mixed", 0);
        Possession.Signed memory signed = signedOf("shrunk");
        vm.prank(operatorOf(nodeKey));
        possession.supersede(number, signed);
        vm.snapshotGasLastCall("gas", "possession supersede");
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        possession.punish(number);
        vm.snapshotGasLastCall("gas", "possession punish");
    }
}
