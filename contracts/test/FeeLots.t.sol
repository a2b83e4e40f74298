// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Escrow} from "../src/Escrow.sol";
import {FeeLots} from "../src/FeeLots.sol";
import {Economy} from "./support/Economy.sol";

contract FeeLotsTest is Economy {
    address private constant ANN = address(0xA1);
    address private constant BOB = address(0xB1);
    address private constant BUYER = address(0xBEEF);

    function setUp() public {
        deployEconomy(dailySale(), dailyRoots());
    }

    function test_feesAreCountedByEpochAndOperator() public {
        pay(ANN, 100 * DOLLAR);
        pay(BOB, 300 * DOLLAR);
        nextEpoch();
        pay(ANN, 200 * DOLLAR);
        assertEq(escrow.feesOf(0, ANN), 5 * DOLLAR, "ann, epoch 0");
        assertEq(escrow.feesOf(0, BOB), 15 * DOLLAR, "bob, epoch 0");
        assertEq(escrow.feesOf(1, ANN), 10 * DOLLAR, "ann, epoch 1");
        assertEq(escrow.feesOf(1, BOB), 0, "bob, epoch 1");
        assertEq(escrow.feesHeld(), 30 * DOLLAR, "all");
    }

    /// @dev The epoch that runs is never for sale: nobody could say yet what its lot holds.
    function test_onlyEpochsThatHaveEndedAreSold() public {
        pay(ANN, 100 * DOLLAR);
        (, uint128 fees,,) = escrow.lotForSale();
        assertEq(fees, 0, "still running");
        nextEpoch();
        pay(ANN, 100 * DOLLAR);
        (, fees,,) = escrow.lotForSale();
        assertEq(fees, 5 * DOLLAR, "the one that ended");
        (uint128 got,) = buy(BUYER);
        assertEq(got, 5 * DOLLAR, "sold");
        (, fees,,) = escrow.lotForSale();
        assertEq(fees, 0, "the next is not over");
        assertEq(escrow.feesHeld(), 5 * DOLLAR, "and stays");
    }

    function test_buy_burnsTokensAndPaysTheFees() public {
        pay(ANN, 1_000 * DOLLAR);
        nextEpoch();
        vm.warp(block.timestamp + 90 minutes);
        uint256 supply = token.totalSupply();
        (uint256 lot, uint128 fees, uint256 price, uint256 tokens) = escrow.lotForSale();
        assertEq(price, 0.75e13, "one and a half halvings from 2e13");
        assertEq(tokens, price * fees, "tokens");
        token.transfer(BUYER, tokens);
        vm.prank(BUYER);
        token.approve(address(escrow), tokens);
        vm.expectEmit(address(escrow));
        emit FeeLots.LotSold(lot, BUYER, 0, fees, tokens);
        vm.prank(BUYER);
        escrow.buy(lot, tokens);
        assertEq(dollar.balanceOf(BUYER), 50 * DOLLAR, "dollars");
        assertEq(token.balanceOf(BUYER), 0, "tokens are gone");
        assertEq(supply - token.totalSupply(), tokens, "for good");
        FeeLots.Lot memory sold = escrow.lotAt(0);
        assertEq(sold.burned, tokens, "burned");
        assertEq(sold.fees, fees, "fees");
        assertEq(sold.soldAt, block.timestamp, "soldAt");
        assertEq(escrow.startPrice(), 1.5e13, "the next starts at twice the price");
        assertEq(escrow.lotCount(), 1, "count");
    }

    function test_buy_needsTokens() public {
        pay(ANN, 1_000 * DOLLAR);
        nextEpoch();
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        vm.prank(BUYER);
        escrow.buy(0, type(uint256).max);
    }

    /// @dev What a buyer saw may be another lot by the time its transaction is mined.
    function test_buy_neverCostsMoreThanWasSaid() public {
        pay(ANN, 1_000 * DOLLAR);
        nextEpoch();
        vm.warp(block.timestamp + 12 hours);
        (uint256 lot,,, uint256 tokens) = escrow.lotForSale();
        pay(ANN, 1_000 * DOLLAR);
        nextEpoch();
        (,,, uint256 more) = escrow.lotForSale();
        vm.expectRevert(abi.encodeWithSelector(FeeLots.LotTooExpensive.selector, more, tokens));
        escrow.buy(lot, tokens);
        buy(BUYER);
        vm.expectRevert(abi.encodeWithSelector(FeeLots.LotNotForSale.selector, 0, 1));
        escrow.buy(0, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(FeeLots.LotTooSmall.selector, 0, 1));
        escrow.buy(1, type(uint256).max);
    }

    /// @dev Nobody bought for three days: one lot, and each epoch has its part of what it brings.
    function test_unsoldLotsRollForward() public {
        uint128[3] memory gross = [100 * DOLLAR, 0, 300 * DOLLAR];
        for (uint256 i = 0; i < 3; ++i) {
            if (gross[i] > 0) pay(i == 0 ? ANN : BOB, gross[i]);
            nextEpoch();
        }
        (uint256 lot, uint128 fees, uint256 price,) = escrow.lotForSale();
        assertEq(lot, 0, "one lot");
        assertEq(fees, 20 * DOLLAR, "of all three");
        assertEq(price, 2e13, "from the top again");
        (, uint256 burned) = buy(BUYER);
        for (uint256 epoch = 0; epoch < 3; ++epoch) {
            (uint128 ofAnn, FeeLots.Lot memory sold) = escrow.saleOf(epoch, ANN);
            assertEq(sold.burned, burned, "the lot of every epoch");
            assertEq(ofAnn, epoch == 0 ? 5 * DOLLAR : 0, "ann");
        }
        uint256[] memory epochs = new uint256[](3);
        (epochs[0], epochs[1], epochs[2]) = (2, 0, 1);
        assertEq(rewards.accrue(ANN, epochs), (burned / 4) * 8 / 10, "a quarter");
        assertEq(rewards.accrue(BOB, epochs), (burned * 3 / 4) * 8 / 10, "three quarters");
    }

    function test_saleOf_knowsWhichLot() public {
        for (uint256 i = 0; i < 5; ++i) {
            pay(ANN, uint128(i + 1) * 100 * DOLLAR);
            nextEpoch();
            if (i % 2 == 1) buy(BUYER);
        }
        for (uint256 epoch = 0; epoch < 6; ++epoch) {
            (, FeeLots.Lot memory sold) = escrow.saleOf(epoch, ANN);
            assertEq(sold.lastEpoch, epoch < 4 ? epoch | 1 : 0, "last epoch");
            assertEq(sold.soldAt == 0 ? 1 : 0, epoch < 4 ? 0 : 1, "unsold");
        }
    }

    /// @dev One lot that nobody wants does not make the next one cheap: the start falls to a quarter, not to nothing.
    function test_aLotBoughtForNothingDoesNotGiveTheNextAway() public {
        pay(ANN, 1 * DOLLAR);
        nextEpoch();
        vm.warp(block.timestamp + 1 days - 1);
        (,, uint256 price,) = escrow.lotForSale();
        assertTrue(price < 2e13 / 1e7, "fallen far");
        buy(BUYER);
        assertEq(escrow.startPrice(), 0.5e13, "a quarter");
    }

    function test_lotsBelowTheMinimumWait() public {
        FeeLots.SaleTerms memory sale = dailySale();
        sale.minimumLot = 10 * DOLLAR;
        deployEconomy(sale, dailyRoots());
        pay(ANN, 100 * DOLLAR);
        nextEpoch();
        vm.expectRevert(abi.encodeWithSelector(FeeLots.LotTooSmall.selector, 5 * DOLLAR, 10 * DOLLAR));
        escrow.buy(0, type(uint256).max);
        pay(ANN, 100 * DOLLAR);
        nextEpoch();
        (uint128 fees,) = buy(BUYER);
        assertEq(fees, 10 * DOLLAR, "both together");
    }

    function test_terms() public {
        FeeLots.SaleTerms[5] memory bad = [dailySale(), dailySale(), dailySale(), dailySale(), dailySale()];
        bad[0].epochSeconds = 0;
        bad[1].halvingSeconds = 0;
        bad[2].halvingSeconds = 1 days + 1;
        bad[3].firstPrice = 0;
        bad[4].minimumLot = 0;
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(FeeLots.SaleTermsInvalid.selector);
            new Escrow(IERC20Metadata(address(dollar)), ERC20Burnable(address(token)), governor, 1 days, 500, bad[i]);
        }
    }

    /// @dev The dollar calls back in the middle of a sale and asks for the lot, and for payouts, again.
    function test_buy_cannotBeEnteredTwice() public {
        pay(ANN, 1_000 * DOLLAR);
        nextEpoch();
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(FeeLots.buy, (1, type(uint256).max));
        calls[1] = abi.encodeCall(Escrow.payout, (ANN));
        dollar.arm(address(escrow), calls);
        buy(BUYER);
        assertEq(dollar.callsMade(), 2, "called back");
        assertEq(dollar.callsSucceeded(), 0, "refused");
        assertEq(dollar.balanceOf(BUYER), 50 * DOLLAR, "sold once");
    }

    /// @dev A purse keeps the fee of its funding, so what a provider will receive is known before it serves.
    function test_fee_changesForLaterPursesOnly() public {
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotTheGovernor.selector, BUYER, governor));
        vm.prank(BUYER);
        escrow.setFeeBps(0);
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(Escrow.FeeTooHigh.selector, 1_001, 1_000));
        escrow.setFeeBps(1_001);

        dollar.mint(payer, 1_000 * DOLLAR);
        vm.prank(payer);
        bytes32 before = escrow.fund(keccak256("before"), 100 * DOLLAR, address(0), 0);
        vm.prank(governor);
        escrow.setFeeBps(1_000);
        assertEq(escrow.purse(before).feeBps, 500, "before");
        pay(ANN, 100 * DOLLAR);
        assertEq(escrow.feesOf(0, ANN), 10 * DOLLAR, "after");
    }

    /// @dev Any order of payments, sales and time: each micro-dollar of fees is sold once or still held.
    function testFuzz_feesAreSoldOnce(uint256 seed) public {
        uint256 collected = 0;
        uint256 sold = 0;
        for (uint256 step = 0; step < 24; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 3 == 0) {
                uint128 gross = uint128(bound(seed >> 8, 20, 1e12));
                pay(seed & 16 == 0 ? ANN : BOB, gross);
                collected += gross * 500 / 10_000;
            } else if (seed % 3 == 1) {
                vm.warp(block.timestamp + (seed >> 8) % 2 days);
            } else {
                (uint256 lot, uint128 fees,,) = escrow.lotForSale();
                if (fees == 0) continue;
                buy(BUYER);
                sold += fees;
                assertEq(escrow.lotAt(lot).fees, fees, "as offered");
            }
            assertEq(escrow.feesHeld(), collected - sold, "held");
            assertEq(dollar.balanceOf(BUYER), sold, "bought");
        }
    }
}
