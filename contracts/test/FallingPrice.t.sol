// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FallingPrice} from "../src/FallingPrice.sol";
import {Test} from "./support/Vm.sol";

contract FallingPriceTest is Test {
    function test_halvesAndFallsInALineBetween() public pure {
        assertEq(FallingPrice.priceAt(1_000, 0, 100), 1_000, "start");
        assertEq(FallingPrice.priceAt(1_000, 50, 100), 750, "half way to the half");
        assertEq(FallingPrice.priceAt(1_000, 99, 100), 505, "just before");
        assertEq(FallingPrice.priceAt(1_000, 100, 100), 500, "half");
        assertEq(FallingPrice.priceAt(1_000, 350, 100), 94, "an eighth and a half of it");
        assertEq(FallingPrice.priceAt(1_000, 1_100, 100), 1, "never nothing");
        assertEq(FallingPrice.priceAt(type(uint128).max, type(uint128).max, 1), 1, "after all time");
    }

    function test_nextStart() public pure {
        assertEq(FallingPrice.nextStart(1_000, 800), 1_600, "twice what it brought");
        assertEq(FallingPrice.nextStart(1_000, 1), 250, "never below a quarter");
        assertEq(FallingPrice.nextStart(1, 1), 2, "smallest");
        assertEq(FallingPrice.nextStart(type(uint128).max, type(uint128).max), type(uint128).max, "largest");
    }

    /// @dev Waiting never makes it dearer, and no second takes off more than half a halving's share.
    function testFuzz_fallsEvenly(uint128 start, uint32 elapsed, uint32 halving) public pure {
        uint256 span = bound(halving, 1, 30 days);
        uint256 first = bound(start, 1, type(uint128).max);
        uint256 here = FallingPrice.priceAt(first, elapsed, span);
        uint256 later = FallingPrice.priceAt(first, uint256(elapsed) + 1, span);
        assertTrue(here >= 1 && here <= first, "within bounds");
        assertTrue(later <= here, "falls");
        assertTrue(here - later <= here / (span + 1) + 2, "evenly");
        assertTrue(FallingPrice.priceAt(first, elapsed + span, span) * 2 <= here + 2, "halves");
    }
}
