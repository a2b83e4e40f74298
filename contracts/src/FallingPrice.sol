// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The price of a falling-price sale
/// @notice It halves every `halvingSeconds`, so that one block changes it by the same small share whether the market
/// has stood still or moved by a factor of a thousand since the last sale.
/// @dev Prices are units of the token that is burned per unit of the currency that is sold, 1 .. 2^128 - 1.
library FallingPrice {
    /// @notice Lowest price there is: nothing is ever given away.
    uint256 internal constant FLOOR = 1;

    /// @notice The price at one moment of a sale.
    /// @param start Price at the sale's first moment.
    /// @param elapsedSeconds Since that moment.
    /// @param halvingSeconds Time in which the price halves, more than zero; between two halvings it falls in a line.
    function priceAt(uint256 start, uint256 elapsedSeconds, uint256 halvingSeconds)
        internal
        pure
        returns (uint256 price)
    {
        uint256 halvings = elapsedSeconds / halvingSeconds;
        if (halvings >= 128) return FLOOR;
        uint256 high = start >> halvings;
        price = high - (high * (elapsedSeconds % halvingSeconds)) / (2 * halvingSeconds);
        if (price < FLOOR) price = FLOOR;
    }

    /// @notice What the next sale starts at: twice what this one brought, and never less than a quarter of its start.
    /// @dev A start that is too high costs some halvings of time. One that is too low gives the lot away, so nobody
    ///      may bring the start down by leaving one lot to fall and buying it for nothing.
    /// @param start What this sale started at.
    /// @param price What it brought.
    function nextStart(uint256 start, uint256 price) internal pure returns (uint256 next) {
        next = 2 * price > start / 4 ? 2 * price : start / 4;
        if (next > type(uint128).max) next = type(uint128).max;
        if (next < FLOOR) next = FLOOR;
    }
}
