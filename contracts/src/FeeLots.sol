// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {FallingPrice} from "./FallingPrice.sol";

/// @title FeeLots: the fees of each epoch, sold at a falling price for tokens that are burned
/// @notice A lot is everything that was collected in the epochs that have ended and were not sold. Whoever buys it
/// burns tokens for it; what was burned is what Rewards may mint a part of, to those on whose traffic the fees were
/// paid. A lot that nobody buys stays, and is offered again with the next epoch's fees, from the top of the price.
/// @dev One sale is one lot, however many epochs it covers. An epoch's part of what the lot burned is in proportion to
///      its fees, hence each operator's is `burned · operatorFees / fees` of the whole lot.
abstract contract FeeLots is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace208;

    /// @notice A lot that was sold.
    /// @param lastEpoch Newest epoch in it; it begins after the last epoch of the lot before.
    /// @param soldAt Unix second of the sale.
    /// @param fees What the buyer received, in the settlement currency's unit.
    /// @param burned What the buyer burned, in the token's unit.
    struct Lot {
        uint64 lastEpoch;
        uint64 soldAt;
        uint128 fees;
        uint256 burned;
    }

    /// @dev Fees that are not sold, as of the last claim.
    struct Unsold {
        uint64 epoch; // of the last claim
        uint96 inEpoch; // collected in that epoch
        uint96 before; // collected before it
    }

    /// @notice Fixed numbers of the epochs and the sale.
    /// @param epochSeconds Length of an epoch, more than zero.
    /// @param halvingSeconds Time in which a lot's price halves, 1 .. epochSeconds.
    /// @param firstPrice What the first sale starts at: token units per unit of the settlement currency, not zero.
    /// @param minimumLot Least fees that are sold, not zero: a lot that is worth less than the gas of buying it would
    /// find no buyer but one who wants the price to fall.
    struct SaleTerms {
        uint64 epochSeconds;
        uint64 halvingSeconds;
        uint128 firstPrice;
        uint128 minimumLot;
    }

    /// @notice The ERC-20 that everything is settled in.
    IERC20 public immutable token;
    /// @notice What buyers of lots burn.
    ERC20Burnable public immutable burnToken;
    /// @notice Begin of epoch 0, Unix seconds.
    uint64 public immutable genesisAt;
    /// @notice Length of an epoch in seconds.
    uint64 public immutable epochSeconds;
    /// @notice Seconds in which the price of a lot halves.
    uint64 public immutable halvingSeconds;
    /// @notice Least fees that are sold.
    uint128 public immutable minimumLot;

    /// @notice What the next sale starts at: token units per unit of the settlement currency.
    uint128 public startPrice;
    /// @dev Fees that are not sold; one storage slot, because every claim writes it.
    Unsold private _unsold;
    /// @notice Fees collected in an epoch on what one operator was paid for.
    mapping(uint256 epoch => mapping(address operator => uint128)) public feesOf;

    Lot[] private _lots;
    /// @dev From a lot's last epoch to its number.
    Checkpoints.Trace208 private _lotByLastEpoch;

    /// @notice A lot was sold: `fees` went to `buyer`, `burned` tokens are gone for good.
    event LotSold(uint256 indexed lot, address indexed buyer, uint256 lastEpoch, uint128 fees, uint256 burned);

    error SaleTermsInvalid();
    error LotNotForSale(uint256 lot, uint256 next);
    error LotTooSmall(uint256 fees, uint256 minimum);
    error LotTooExpensive(uint256 tokens, uint256 tokensMax);

    constructor(IERC20 token_, ERC20Burnable burnToken_, SaleTerms memory terms) {
        bool sane = terms.halvingSeconds > 0 && terms.halvingSeconds <= terms.epochSeconds && terms.firstPrice > 0
            && terms.minimumLot > 0;
        if (!sane) revert SaleTermsInvalid();
        token = token_;
        burnToken = burnToken_;
        genesisAt = uint64(block.timestamp);
        epochSeconds = terms.epochSeconds;
        halvingSeconds = terms.halvingSeconds;
        minimumLot = terms.minimumLot;
        startPrice = terms.firstPrice;
    }

    /// @notice Buys the lot that is for sale. The caller's tokens, approved before, are burned; it receives the fees.
    /// @dev The price is of the moment, and an epoch may end before the transaction is mined: then the lot is larger
    ///      and starts from the top again. `tokensMax` bounds what that may cost.
    /// @param lot Number of the lot, as `lotForSale` gives it, so that nobody buys the next one by mistake.
    /// @param tokensMax Most tokens to burn.
    /// @return fees What was received.
    /// @return tokens What was burned.
    function buy(uint256 lot, uint256 tokensMax) external nonReentrant returns (uint128 fees, uint256 tokens) {
        uint256 price;
        uint256 next;
        (next, fees, price, tokens) = lotForSale();
        if (lot != next) revert LotNotForSale(lot, next);
        if (fees < minimumLot) revert LotTooSmall(fees, minimumLot);
        if (tokens > tokensMax) revert LotTooExpensive(tokens, tokensMax);

        uint256 lastEpoch = epochNow() - 1;
        _lots.push(Lot({lastEpoch: uint64(lastEpoch), soldAt: uint64(block.timestamp), fees: fees, burned: tokens}));
        _lotByLastEpoch.push(SafeCast.toUint48(lastEpoch), SafeCast.toUint208(lot));
        _collect(lastEpoch + 1, 0);
        _unsold.before = 0;
        startPrice = uint128(FallingPrice.nextStart(startPrice, price));
        emit LotSold(lot, msg.sender, lastEpoch, fees, tokens);

        burnToken.burnFrom(msg.sender, tokens);
        token.safeTransfer(msg.sender, fees);
    }

    /// @notice The lot that is for sale now, and its price of this moment. Below `minimumLot` it waits for more.
    /// @return lot Its number.
    /// @return fees What a buyer receives.
    /// @return price Token units per unit of the settlement currency.
    /// @return tokens What a buyer burns.
    function lotForSale() public view returns (uint256 lot, uint128 fees, uint256 price, uint256 tokens) {
        lot = _lots.length;
        fees = _unsold.before;
        if (_unsold.epoch < epochNow()) fees += _unsold.inEpoch;
        price = FallingPrice.priceAt(startPrice, block.timestamp - epochBegin(epochNow()), halvingSeconds);
        tokens = price * fees;
    }

    /// @notice A lot that was sold.
    /// @param lot Its number, counted from 0.
    function lotAt(uint256 lot) external view returns (Lot memory) {
        return _lots[lot];
    }

    /// @notice How many lots were sold.
    function lotCount() external view returns (uint256) {
        return _lots.length;
    }

    /// @notice The lot that an epoch's fees were sold in, and one operator's fees in that epoch.
    /// @param epoch The epoch.
    /// @param operator Who was paid.
    /// @return operatorFees The operator's fees in the epoch alone.
    /// @return sold The whole lot; all zero while the epoch's fees are not sold.
    function saleOf(uint256 epoch, address operator) external view returns (uint128 operatorFees, Lot memory sold) {
        operatorFees = feesOf[epoch][operator];
        (bool any, uint48 lastEpoch,) = _lotByLastEpoch.latestCheckpoint();
        if (any && epoch <= lastEpoch) sold = _lots[_lotByLastEpoch.lowerLookup(uint48(epoch))];
    }

    /// @notice Fees that are not sold yet.
    function feesHeld() public view returns (uint256) {
        return uint256(_unsold.before) + _unsold.inEpoch;
    }

    /// @notice The epoch that runs now.
    function epochNow() public view returns (uint256) {
        return (block.timestamp - genesisAt) / epochSeconds;
    }

    /// @notice First second of an epoch, which is the end of the one before.
    function epochBegin(uint256 epoch) public view returns (uint256) {
        return genesisAt + epoch * epochSeconds;
    }

    /// @dev Counts fees of one operator in an epoch; the caller adds them to all by `_collect`.
    function _countFees(uint256 epoch, address operator, uint256 fees) internal {
        feesOf[epoch][operator] += SafeCast.toUint128(fees);
    }

    /// @dev Counts fees of all operators together, in the epoch that runs now.
    function _collect(uint256 epoch, uint256 fees) internal {
        Unsold memory unsold = _unsold;
        if (epoch != unsold.epoch) {
            unsold.before += unsold.inEpoch;
            unsold.inEpoch = 0;
            unsold.epoch = uint64(epoch);
        }
        unsold.inEpoch += SafeCast.toUint96(fees);
        _unsold = unsold;
    }
}
