// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Equivocation} from "../src/Equivocation.sol";
import {RewardRoots} from "../src/RewardRoots.sol";
import {Earned, Economy} from "./support/Economy.sol";

/// @notice What the economy's transactions cost, base fee and calldata included; as GasTest.
contract EconomyGasTest is Economy {
    uint256 private constant NODE = 0x1111;
    address private constant ANN = address(0xA1);

    function setUp() public {
        deployEconomy(dailySale(), dailyRoots());
        bondNode(NODE, 10_000 ether);
    }

    function test_gas_stake() public {
        address operator = operatorOf(7);
        address node = vm.addr(7);
        token.transfer(operator, 100 ether);
        bytes memory agreed = consent(7, operator);
        vm.prank(operator);
        token.approve(address(stake), 100 ether);
        vm.prank(operator);
        stake.bond(node, 10 ether, agreed);
        vm.snapshotGasLastCall("gas", "stake bond first");
        vm.warp(block.timestamp + 1);
        vm.prank(operator);
        stake.bond(node, 10 ether, "");
        vm.snapshotGasLastCall("gas", "stake bond again");
        vm.warp(block.timestamp + 1);
        vm.prank(operator);
        uint64 endsAt = stake.unbond(node, 1 ether);
        vm.snapshotGasLastCall("gas", "stake unbond");
        vm.warp(endsAt);
        stake.withdraw(node);
        vm.snapshotGasLastCall("gas", "stake withdraw");
        Equivocation.Said memory first = Equivocation.Said(bytes32(uint256(1)), 0, 0);
        Equivocation.Said memory second = Equivocation.Said(bytes32(uint256(2)), 0, 0);
        (first.r, first.vs) = say(7, bytes32(0), first.payload);
        (second.r, second.vs) = say(7, bytes32(0), second.payload);
        equivocation.report(bytes32(0), first, second);
        vm.snapshotGasLastCall("gas", "equivocation report");
    }

    function test_gas_saleAndReward() public {
        pay(ANN, 100 * DOLLAR);
        nextEpoch();
        pay(ANN, 100 * DOLLAR);
        (uint256 lot,,, uint256 tokens) = escrow.lotForSale();
        token.approve(address(escrow), type(uint256).max);
        escrow.buy(lot, tokens);
        vm.snapshotGasLastCall("gas", "escrow buy");
        rewards.accrue(ANN, new uint256[](1));
        vm.snapshotGasLastCall("gas", "rewards accrue (1 epoch)");
        Earned[] memory lines = new Earned[](14);
        for (uint256 i = 0; i < 14; ++i) {
            lines[i] = Earned(UTILITY, i == 0 ? ANN : address(uint160(i)), 1 ether);
        }
        (bytes32 root, bytes32[][] memory proofs) = rewardTree(lines);
        vm.warp(block.timestamp + 1);
        settleRoot(NODE, 0, root);
        vm.snapshotGasLastCall("gas", "rewards finalize");
        rewards.claim(UTILITY, ANN, 1 ether, proofs[0]);
        vm.snapshotGasLastCall("gas", "rewards claim (depth 13)");
    }

    /// @dev Thirty nodes of equal stake; all sign.
    function test_gas_decide() public {
        uint256[] memory keys = new uint256[](30);
        for (uint256 i = 0; i < 30; ++i) {
            keys[i] = 0x9000 + i;
            bondNode(keys[i], 10_000 ether);
        }
        nextEpoch();
        vm.warp(block.timestamp + 1);
        RewardRoots.Result memory result = RewardRoots.Result(keccak256("root"), keccak256("evidence"));
        uint64 attempt = proposeAs(NODE, 0, RewardRoots.Result(keccak256("lie"), keccak256("evidence")));
        vm.snapshotGasLastCall("gas", "rewards propose");
        challengeAs(keys[0], attempt, result);
        vm.snapshotGasLastCall("gas", "rewards challenge");
        rewards.decide(attempt, result, votesOf(keys, 0, attempt, result));
        vm.snapshotGasLastCall("gas", "rewards decide (30 signatures)");
    }
}
