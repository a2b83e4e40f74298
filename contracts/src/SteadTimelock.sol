// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title SteadTimelock: what governance decides happens in public, later
/// @notice OpenZeppelin's timelock without an administrator: only the governor contract proposes, anybody executes.
/// It also holds the liquidity that genesis gave to the exchange, for good, because the governor proposes nothing that
/// could move it.
contract SteadTimelock is TimelockController {
    /// @param delaySeconds From a decision to its execution.
    /// @param governor The governor contract, which may be deployed later at an address that is known already.
    constructor(uint256 delaySeconds, address governor)
        TimelockController(delaySeconds, _only(governor), _only(address(0)), address(0))
    {}

    function _only(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
