// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title TestDollar: a dollar that is worth nothing, for development networks only
/// @notice Anybody may mint it. It behaves like a common stablecoin: 6 decimals, ERC-2612 permits, ERC-3009
/// authorizations with random nonces.
/// @dev OpenZeppelin's ERC20TransferAuthorization is not used: it wants sequential nonces, and Escrow's are hashes.
contract TestDollar is ERC20Permit, ERC3009 {
    error NotADevelopmentChain(uint256 chainId);

    /// @notice Refuses to exist anywhere but on the usual development chain ids.
    constructor() ERC20("Stead Test Dollar", "tUSD") ERC20Permit("Stead Test Dollar") {
        if (block.chainid != 31337 && block.chainid != 1337) revert NotADevelopmentChain(block.chainid);
    }

    /// @notice Creates `amount` for `to`. Anybody may call.
    /// @param to Who receives it.
    /// @param amount In micro-dollars.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice 6, as stablecoins have.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
