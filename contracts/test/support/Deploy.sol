// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Escrow} from "../../src/Escrow.sol";
import {FeeLots} from "../../src/FeeLots.sol";
import {Stake} from "../../src/Stake.sol";

/// @dev Governs what the tests deploy by itself.
address constant GOVERNOR = address(0x60F);

/// @notice Epochs of a day, prices that halve every hour from ten tokens a dollar, no lot too small.
function dailySale() pure returns (FeeLots.SaleTerms memory) {
    return FeeLots.SaleTerms({epochSeconds: 1 days, halvingSeconds: 1 hours, firstPrice: 1e13, minimumLot: 1});
}

/// @notice An escrow with a thaw of a day, whose lots nobody buys.
function newEscrow(address token, uint16 feeBps) returns (Escrow) {
    return newEscrow(token, 1 days, feeBps);
}

function newEscrow(address token, uint32 thawSeconds, uint16 feeBps) returns (Escrow) {
    return new Escrow(IERC20Metadata(token), ERC20Burnable(address(0xB0)), GOVERNOR, thawSeconds, feeBps, dailySale());
}

/// @notice A stake that nobody can slash.
function newStake(address token) returns (Stake) {
    return new Stake(ERC20Burnable(token), GOVERNOR, new address[](0));
}
