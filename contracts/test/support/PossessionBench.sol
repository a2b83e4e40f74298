// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Possession} from "../../src/Possession.sol";
import {Economy} from "./Economy.sol";

/// @notice The adjudicator of possession, with the agreements and answers that packages/storage made.
abstract contract PossessionBench is Economy {
    uint128 internal constant ASKING = 10 ether;
    uint32 internal constant ANSWER_SECONDS = 1 days;
    uint128 internal constant BONDED = 1_000 ether;
    address internal constant CHALLENGER = address(0xC4A);

    Possession internal possession;
    string internal vectors;
    uint256 internal nodeKey;
    address internal node;

    /// @dev At the second from which on the agreements hold, with the adjudicator's time of waiting behind it.
    function deployPossession() internal {
        vectors = vm.readFile("vectors/possession.json");
        deployEconomy(dailySale(), dailyRoots());
        possession = newPossession(IERC20(token));
        nodeKey = uint256(vm.parseJsonBytes32(vectors, ".nodeKey"));
        node = bondNode(nodeKey, BONDED);
    }

    function newPossession(IERC20 staked) internal returns (Possession made) {
        made = new Possession(
            stake, vm.parseJsonAddress(vectors, ".escrow"), staked, Possession.Terms(ANSWER_SECONDS, ASKING)
        );
        vm.prank(governor);
        stake.addAdjudicator(address(made));
        vm.warp(vm.parseJsonUint(vectors, ".atSecond"));
        vm.roll(1_000);
    }

    function signedOf(string memory name) internal view returns (Possession.Signed memory signed) {
        string memory at = string.concat(".agreements.", name);
        signed.document = vm.parseJsonBytes(vectors, string.concat(at, ".document"));
        signed.payerR = vm.parseJsonBytes32(vectors, string.concat(at, ".payerR"));
        signed.payerVs = vm.parseJsonBytes32(vectors, string.concat(at, ".payerVs"));
        signed.nodeR = vm.parseJsonBytes32(vectors, string.concat(at, ".nodeR"));
        signed.nodeVs = vm.parseJsonBytes32(vectors, string.concat(at, ".nodeVs"));
    }

    function idOf(string memory name) internal view returns (bytes32) {
        return vm.parseJsonBytes32(vectors, string.concat(".agreements.", name, ".id"));
    }

    function seedOf(string memory name, uint256 number) internal view returns (bytes32) {
        return vm.parseJsonBytes32(vectors, string.concat(answerOf(name, number), ".seed"));
    }

    function proofOf(string memory name, uint256 number) internal view returns (bytes memory) {
        return vm.parseJsonBytes(vectors, string.concat(answerOf(name, number), ".proof"));
    }

    function answerOf(string memory name, uint256 number) private pure returns (string memory) {
        return string.concat(".agreements.", name, ".answers[", vm.toString(number), "]");
    }

    function giveDeposit() internal {
        token.transfer(CHALLENGER, ASKING);
        vm.prank(CHALLENGER);
        token.approve(address(possession), ASKING);
    }

    function announce(string memory name) internal returns (uint256 number) {
        giveDeposit();
        Possession.Signed memory signed = signedOf(name);
        vm.prank(CHALLENGER);
        return possession.announce(signed);
    }

    /// @dev Lets the chain come to the block of the seed, which is `seed`.
    function passSeedBlock(uint256 number, bytes32 seed) internal {
        uint256 seedBlock = possession.challenge(number).seedBlock;
        vm.roll(seedBlock + 1);
        vm.setBlockhash(seedBlock, seed);
    }

    /// @dev A challenge whose leaves are known, to be answered by answer `answer` of the vectors.
    function drawn(string memory name, uint256 answer) internal returns (uint256 number) {
        number = announce(name);
        passSeedBlock(number, seedOf(name, answer));
        possession.draw(number);
    }
}
