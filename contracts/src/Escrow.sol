// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {FeeLots} from "./FeeLots.sol";
import {Settlement} from "./Settlement.sol";

/// @title Escrow: payers lock money for a set of providers, vouchers draw on it
/// @notice A purse holds one payer's money for the leaves (node, operator, allocation) of one Merkle-sum tree. Each
/// leaf is a channel; the payer signs vouchers that state the exact cumulative debt on a channel. Anybody may submit
/// a voucher, because it only ever credits the operator that it names.
/// @dev There is no owner, no proxy, no pause; the governor may change the fee of purses that are funded later, and
///      nothing else. All amounts are in the token's smallest unit (6 decimals: micro-dollars).
///      docs/adr/0003-escrow-channels.md says why it is built so, docs/adr/0012-economics.md what becomes of the fees.
contract Escrow is Settlement {
    using SafeERC20 for IERC20;

    /// @notice Shortest thaw that a deployment may choose.
    uint256 public constant MIN_THAW_SECONDS = 1 days;
    /// @notice Highest fee there can be, in hundredths of a percent.
    uint256 public constant MAX_FEE_BPS = 1_000;
    /// @notice Most that one purse may lock: more dollars than there are.
    uint256 public constant MAX_TOTAL = type(uint72).max;

    /// @notice Who may change the fee: the timelock of the governor contract.
    address public immutable governor;
    /// @notice Seconds between `thaw` and the first moment at which `close` works.
    uint32 public immutable thawSeconds;
    /// @notice Share of each claim that purses funded now keep as fee, in hundredths of a percent.
    uint16 public feeBps;

    /// @notice A purse was funded.
    event PurseFunded(
        bytes32 indexed purse, address indexed payer, address indexed voucherSigner, bytes32 root, uint128 total
    );
    /// @notice An operator's credit was sent to it.
    event PaidOut(address indexed operator, uint256 amount);
    /// @notice The payer asked for its money back; claims are safe up to and including `thawEndsAt`.
    event PurseThawing(bytes32 indexed purse, uint64 thawEndsAt);
    /// @notice The remainder went back to the payer.
    event PurseClosed(bytes32 indexed purse, address indexed payer, uint128 refund);
    /// @notice Purses that are funded from now on keep another fee.
    event FeeChanged(uint16 feeBps);

    error TokenDecimalsNotSix(uint8 decimals);
    error ThawTooShort(uint256 thawSeconds, uint256 minimum);
    error FeeTooHigh(uint256 feeBps, uint256 maximum);
    error NotTheGovernor(address caller, address governor);
    error PurseEmpty();
    error PurseTooLarge(uint128 total, uint256 maximum);
    error PurseExists(bytes32 purse);
    error PurseUnknown(bytes32 purse);
    error PurseAlreadyClosed(bytes32 purse);
    error PurseAlreadyThawing(bytes32 purse, uint64 thawEndsAt);
    error PurseNotThawed(bytes32 purse, uint64 thawEndsAt, uint256 nowSeconds);
    error NotThePayer(address caller, address payer);
    error DepositMismatch(uint256 expected, uint256 received);
    error NothingOwed(address operator);

    /// @notice Fixes everything but the fee for good.
    /// @param token_ An ERC-20 with 6 decimals.
    /// @param burnToken_ What buyers of fee lots burn.
    /// @param governor_ Who may change the fee.
    /// @param thawSeconds_ At least `MIN_THAW_SECONDS`.
    /// @param feeBps_ At most `MAX_FEE_BPS`; 500 is 5 %.
    /// @param sale Numbers of the epochs and of the sale of their fees.
    constructor(
        IERC20Metadata token_,
        ERC20Burnable burnToken_,
        address governor_,
        uint32 thawSeconds_,
        uint16 feeBps_,
        SaleTerms memory sale
    ) EIP712("Stead Escrow", "1") FeeLots(token_, burnToken_, sale) {
        uint8 decimals = token_.decimals();
        if (decimals != 6) revert TokenDecimalsNotSix(decimals);
        if (thawSeconds_ < MIN_THAW_SECONDS) revert ThawTooShort(thawSeconds_, MIN_THAW_SECONDS);
        governor = governor_;
        thawSeconds = thawSeconds_;
        _setFeeBps(feeBps_);
    }

    /// @notice Changes the fee of purses that are funded from now on. Only the governor may call.
    /// @param feeBps_ At most `MAX_FEE_BPS`.
    function setFeeBps(uint16 feeBps_) external {
        if (msg.sender != governor) revert NotTheGovernor(msg.sender, governor);
        _setFeeBps(feeBps_);
    }

    /// @notice Locks `total` of the caller's tokens, approved before, for the leaves of one tree.
    /// @param root Root of the Merkle-sum tree of (node, operator, allocation).
    /// @param total The root's sum. No claim can succeed when it is anything else.
    /// @param voucherSigner Key that signs vouchers; zero stands for the caller.
    /// @param salt Tells apart purses that are otherwise equal.
    /// @return id The purse, as `purseIdOf` computes it.
    function fund(bytes32 root, uint128 total, address voucherSigner, bytes32 salt)
        external
        nonReentrant
        returns (bytes32 id)
    {
        id = _open(msg.sender, root, total, voucherSigner, salt);
        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), total);
        _requireReceived(balanceBefore, total);
    }

    /// @notice Like `fund`, paid by an ERC-3009 authorization that anybody may relay, so the payer needs no gas.
    /// @dev The payer signs `ReceiveWithAuthorization` with to = this contract, value = total and nonce = the purse id.
    ///      The id commits to every parameter, so that whoever relays cannot change one.
    /// @param payer The authorization's `from`.
    /// @param root Root of the Merkle-sum tree.
    /// @param total The root's sum.
    /// @param voucherSigner Key that signs vouchers; zero stands for the payer.
    /// @param salt Tells apart purses that are otherwise equal.
    /// @param validAfter The authorization's, Unix seconds.
    /// @param validBefore The authorization's, Unix seconds.
    /// @param signature The payer's: 65 bytes, or 64 bytes (EIP-2098).
    /// @return id The purse, as `purseIdOf` computes it.
    function fundWithAuthorization(
        address payer,
        bytes32 root,
        uint128 total,
        address voucherSigner,
        bytes32 salt,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external nonReentrant returns (bytes32 id) {
        id = _open(payer, root, total, voucherSigner, salt);
        uint256 balanceBefore = token.balanceOf(address(this));
        (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(signature);
        IERC3009(address(token))
            .receiveWithAuthorization(payer, address(this), total, validAfter, validBefore, id, v, r, s);
        _requireReceived(balanceBefore, total);
    }

    /// @notice Sends an operator all that it is owed. Anybody may call; the money goes to the operator only.
    /// @param operator Who is paid.
    /// @return amount What was sent.
    function payout(address operator) external nonReentrant returns (uint256 amount) {
        amount = owed[operator];
        if (amount == 0) revert NothingOwed(operator);
        owed[operator] = 0;
        emit PaidOut(operator, amount);
        token.safeTransfer(operator, amount);
    }

    /// @notice The payer announces that it wants the remainder back. A thaw cannot be repeated, moved or undone.
    /// @param id The purse.
    /// @return thawEndsAt Unix second up to and including which claims are safe from `close`.
    function thaw(bytes32 id) external returns (uint64 thawEndsAt) {
        Purse storage stored = _purses[id];
        if (stored.total == 0) revert PurseUnknown(id);
        if (msg.sender != stored.payer) revert NotThePayer(msg.sender, stored.payer);
        if (stored.thawEndsAt != 0) revert PurseAlreadyThawing(id, stored.thawEndsAt);
        thawEndsAt = uint64(block.timestamp) + thawSeconds;
        stored.thawEndsAt = thawEndsAt;
        emit PurseThawing(id, thawEndsAt);
    }

    /// @notice Sends what nobody claimed back to the payer, after the end of the thaw. Anybody may call.
    /// @param id The purse.
    /// @return refund What went back.
    function close(bytes32 id) external nonReentrant returns (uint128 refund) {
        Purse storage stored = _purses[id];
        if (stored.total == 0) revert PurseUnknown(id);
        if (stored.closed) revert PurseAlreadyClosed(id);
        if (stored.thawEndsAt == 0 || block.timestamp <= stored.thawEndsAt) {
            revert PurseNotThawed(id, stored.thawEndsAt, block.timestamp);
        }
        stored.closed = true;
        refund = stored.total - stored.claimed;
        emit PurseClosed(id, stored.payer, refund);
        token.safeTransfer(stored.payer, refund);
    }

    /// @notice A purse's whole state; all zero for an id that was never funded.
    /// @param id The purse.
    function purse(bytes32 id) external view returns (Purse memory) {
        return _purses[id];
    }

    /// @notice The id of the purse that such a funding opens on this chain in this contract.
    /// @param payer Who funds.
    /// @param voucherSigner Key that signs vouchers; zero stands for the payer.
    /// @param root Root of the Merkle-sum tree.
    /// @param total The root's sum.
    /// @param salt Tells apart purses that are otherwise equal.
    function purseIdOf(address payer, address voucherSigner, bytes32 root, uint128 total, bytes32 salt)
        public
        view
        returns (bytes32)
    {
        address signer = voucherSigner == address(0) ? payer : voucherSigner;
        return keccak256(abi.encode(block.chainid, address(this), payer, signer, root, total, salt));
    }

    /// @notice The id of one provider's channel: one leaf is one channel, however often it stands in the tree.
    /// @param purseId The purse.
    /// @param node The provider's node key.
    /// @param operator Who is credited.
    /// @param allocation The channel's share of the purse.
    function channelIdOf(bytes32 purseId, address node, address operator, uint128 allocation)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(purseId, node, operator, allocation));
    }

    /// @dev Records the purse before any token moves; a transfer that fails undoes it.
    function _open(address payer, bytes32 root, uint128 total, address voucherSigner, bytes32 salt)
        private
        returns (bytes32 id)
    {
        if (total == 0) revert PurseEmpty();
        if (total > MAX_TOTAL) revert PurseTooLarge(total, MAX_TOTAL);
        address signer = voucherSigner == address(0) ? payer : voucherSigner;
        id = purseIdOf(payer, signer, root, total, salt);
        if (_purses[id].total != 0) revert PurseExists(id);
        _purses[id] = Purse({
            voucherSigner: signer,
            claimed: 0,
            feeBps: feeBps,
            closed: false,
            payer: payer,
            total: uint72(total),
            root: root,
            thawEndsAt: 0
        });
        emit PurseFunded(id, payer, signer, root, total);
    }

    /// @dev A token that keeps a part of each transfer would leave the last claims uncovered, so it is refused.
    function _requireReceived(uint256 balanceBefore, uint256 expected) private view {
        uint256 received = token.balanceOf(address(this)) - balanceBefore;
        if (received != expected) revert DepositMismatch(expected, received);
    }

    function _setFeeBps(uint16 feeBps_) private {
        if (feeBps_ > MAX_FEE_BPS) revert FeeTooHigh(feeBps_, MAX_FEE_BPS);
        feeBps = feeBps_;
        emit FeeChanged(feeBps_);
    }
}
