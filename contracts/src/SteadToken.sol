// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title SteadToken: bonded by operators, burned for fees, minted for useful work
/// @notice 18 decimals, permits (ERC-2612), authorizations (ERC-3009), votes by timestamp (ERC-5805, ERC-6372).
/// @dev There is no owner. The genesis supply is made once; afterwards only `minter`, the Rewards contract, makes more,
///      and never more than a part of what was burned.
contract SteadToken is ERC20Burnable, ERC20Permit, ERC20Votes, ERC3009 {
    /// @notice The only account that may mint.
    address public immutable minter;

    error NotTheMinter(address caller, address minter);
    error MinterZero();

    /// @notice Fixes the minter for good and makes the genesis supply.
    /// @param minter_ The Rewards contract, which may be deployed later at an address that is known already.
    /// @param holder Who receives the genesis supply.
    /// @param supply In the token's unit, less than 2^208.
    constructor(address minter_, address holder, uint256 supply) ERC20("Stead", "STEAD") ERC20Permit("Stead") {
        if (minter_ == address(0)) revert MinterZero();
        minter = minter_;
        _mint(holder, supply);
    }

    /// @notice Creates `amount` for `to`. Only the minter may call.
    function mint(address to, uint256 amount) external {
        if (msg.sender != minter) revert NotTheMinter(msg.sender, minter);
        _mint(to, amount);
    }

    /// @notice Votes are counted by time, not by block, so that they mean the same on every chain.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice As ERC-6372 spells it.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The next nonce of a permit or a delegation by signature.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
