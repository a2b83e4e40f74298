// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Earned, Economy} from "./support/Economy.sol";

/// @notice Somebody pays itself for nothing, to be rewarded. Everything that is left to judgement is decided in its
/// favour: the root says that each of its identities has earned all tokens there are.
/// @dev With fees f of its own, κ = 0.8, and a market where one micro-dollar is `market` token units, it receives at
///      most κ · burned · f / F tokens. Whoever buys a lot and does not want to lose pays no more than its worth,
///      burned <= F · market, so what it receives is worth at most κ · f: a fifth of its fees at least is lost. If it
///      buys the lot itself, it also burns the tokens: of those it gets back κ at most. All values below are in token
///      units; gas, which makes it worse, is left out.
contract SelfDealingTest is Economy {
    uint256 private constant NODE = 0x1111;
    address private constant ARBITRAGEUR = address(0xA4B);
    address private constant ATTACKER = address(0xE71);
    address private constant HONEST = address(0x601);

    address[] private identities;
    uint128 private ownFees;
    uint256 private seed;

    function setUp() public {
        deployEconomy(dailySale(), dailyRoots());
        bondNode(NODE, MINIMUM_STAKE);
    }

    /// @dev Any number of identities, epochs, amounts, other traffic and market prices; a real auction.
    function testFuzz_payingOneselfLosesAFifthOfTheFees(uint256 seed_, uint256 market) public {
        seed = seed_;
        market = bound(market, 1e11, 1e15);
        split();
        uint256 epochs = 1 + draw(4);
        for (uint256 epoch = 0; epoch < epochs; ++epoch) {
            traffic(true);
            nextEpoch();
            if (draw(3) > 0) buyWhenWorthIt(market);
        }
        nextEpoch();
        buyWhenWorthIt(market);
        uint256 gained = collect(epochs);
        uint256 lost = uint256(ownFees) * market;
        assertTrue(gained <= lost * 8 / 10, "what comes back is worth no more than 0.8 of the fees");
        assertTrue(ownFees == 0 || gained < lost, "below its start");
    }

    /// @dev It buys every lot itself, at any moment of the sale, so at any price, with nobody else's fees in it.
    function testFuzz_buyingTheLotOneselfLosesAFifthOfWhatIsBurned(uint256 seed_) public {
        seed = seed_;
        split();
        uint256 epochs = 1 + draw(4);
        uint256 burned = 0;
        for (uint256 epoch = 0; epoch < epochs; ++epoch) {
            traffic(false);
            nextEpoch();
            vm.warp(block.timestamp + draw(1 days));
            burned += buyIfAny();
        }
        nextEpoch();
        burned += buyIfAny();
        uint256 gained = collect(epochs);
        assertTrue(gained <= burned * 8 / 10, "a fifth of what it burned is gone");
        assertEq(dollar.balanceOf(ATTACKER), ownFees, "and it has its fees back, no more");
    }

    /// @dev With other people's fees in the lot, buying it may be a good bargain, for anybody. Paying oneself as well
    /// only makes it worse, by a fifth of what is burned for one's own fees.
    function testFuzz_payingOneselfMakesNoBargainBetter(uint256 seed_) public {
        seed = seed_;
        split();
        traffic(true);
        nextEpoch();
        vm.warp(block.timestamp + draw(1 days));
        (, uint128 fees, uint256 price,) = escrow.lotForSale();
        uint256 burned = buyIfAny();
        uint256 gained = collect(1);
        uint256 forOthersFees = price * (fees - ownFees);
        uint256 forOwnFees = price * ownFees;
        assertEq(burned, forOthersFees + forOwnFees, "burned");
        // Without dealing with itself it would have burned `forOthersFees` for the same dollars of others.
        assertTrue(burned - gained >= forOthersFees + forOwnFees / 5, "worse by a fifth");
    }

    function split() private {
        delete identities;
        ownFees = 0;
        uint256 count = 1 + draw(5);
        for (uint160 i = 0; i < count; ++i) {
            identities.push(address(0xE000 + i));
        }
    }

    function traffic(bool others) private {
        for (uint256 i = 0; i < identities.length; ++i) {
            if (draw(4) == 0) continue;
            uint128 gross = uint128(1 + draw(draw(2) == 0 ? 100 : 100_000 * DOLLAR));
            pay(identities[i], gross);
            ownFees += gross * 500 / 10_000;
        }
        if (others && draw(4) > 0) pay(HONEST, uint128(1 + draw(100_000 * DOLLAR)));
    }

    /// @dev Waits until the lot is worth its price, as everybody does who is in it for the money.
    function buyWhenWorthIt(uint256 market) private {
        (, uint128 fees, uint256 price,) = escrow.lotForSale();
        if (fees == 0) return;
        while (price > market) {
            vm.warp(block.timestamp + 10 minutes);
            (, fees, price,) = escrow.lotForSale();
        }
        buy(ARBITRAGEUR);
    }

    function buyIfAny() private returns (uint256 burned) {
        (, uint128 fees,,) = escrow.lotForSale();
        if (fees > 0) (, burned) = buy(ATTACKER);
    }

    /// @dev Claims everything for all identities against a root that promises everything.
    function collect(uint256 epochs) private returns (uint256 gained) {
        Earned[] memory lines = new Earned[](identities.length + 1);
        for (uint256 i = 0; i < identities.length; ++i) {
            lines[i] = Earned(UTILITY, identities[i], type(uint256).max);
        }
        lines[identities.length] = Earned(UTILITY, HONEST, 1);
        (bytes32 root, bytes32[][] memory proofs) = rewardTree(lines);
        vm.warp(block.timestamp + 1);
        settleRoot(NODE, uint64(escrow.epochNow() - 1), root);
        for (uint256 i = 0; i < identities.length; ++i) {
            for (uint256 epoch = 0; epoch < epochs; ++epoch) {
                uint256[] memory one = new uint256[](1);
                one[0] = epoch;
                if (rewards.accruable(identities[i], epoch) > 0) rewards.accrue(identities[i], one);
            }
            if (rewards.cap(identities[i]) == 0) continue;
            gained += rewards.claim(UTILITY, identities[i], type(uint256).max, proofs[i]);
        }
    }

    function draw(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }
}
