// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleSum} from "./MerkleSum.sol";

/// @title Escrow: payers lock money for a set of providers, vouchers draw on it
/// @notice A purse holds one payer's money for the leaves (node, operator, allocation) of one Merkle-sum tree. Each
/// leaf is a channel; the payer signs vouchers that state the exact cumulative debt on a channel. Anybody may submit
/// a voucher, because it only ever credits the operator that it names.
/// @dev There is no owner, no proxy, no pause. All amounts are in the token's smallest unit (6 decimals: micro-dollars).
///      docs/adr/0003-escrow-channels.md says why it is built so.
contract Escrow is EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice One payer's locked money. In this order a later claim reads two storage slots only.
    /// @param voucherSigner Whose signature makes a voucher valid.
    /// @param thawEndsAt Unix second until which claims are safe from `close`; 0 while the purse is not thawing.
    /// @param closed Whether the remainder has gone back; a closed purse pays nothing more and its id is never reused.
    /// @param payer Who funded it, may thaw it, and gets back what nobody claimed.
    /// @param root Hash of the Merkle-sum tree's root.
    /// @param total What was locked, never zero; a branch is valid only when its sum is exactly this.
    /// @param claimed What vouchers have drawn so far, fees included.
    struct Purse {
        address voucherSigner;
        uint64 thawEndsAt;
        bool closed;
        address payer;
        bytes32 root;
        uint128 total;
        uint128 claimed;
    }

    /// @notice A voucher and, for the first claim on its channel, the proof that the purse holds that channel.
    /// @param purse Id of the purse.
    /// @param node The provider's node key.
    /// @param operator Who is credited.
    /// @param allocation The channel's share of the purse.
    /// @param cumulative The whole debt on this channel since it began, not an increment.
    /// @param signature By the purse's voucher signer: 65 bytes, or 64 bytes (EIP-2098).
    /// @param index Bit i says whether our node is the right child at level i; ignored once the channel is open.
    /// @param branch The siblings from the leaf upwards; ignored, and best left empty, once the channel is open.
    struct Claim {
        bytes32 purse;
        address node;
        address operator;
        uint128 allocation;
        uint128 cumulative;
        bytes signature;
        uint256 index;
        MerkleSum.Sibling[] branch;
    }

    /// @notice Longest branch that a claim may bring: room for 2^32 providers in one purse.
    uint256 public constant MAX_DEPTH = 32;
    /// @notice Shortest thaw that a deployment may choose.
    uint256 public constant MIN_THAW_SECONDS = 1 days;
    /// @notice Highest fee that a deployment may choose, in hundredths of a percent.
    uint256 public constant MAX_FEE_BPS = 1_000;

    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 purse,address node,address operator,uint128 allocation,uint128 cumulative)");

    /// @notice The ERC-20 that everything is settled in.
    IERC20 public immutable token;
    /// @notice Seconds between `thaw` and the first moment at which `close` works.
    uint32 public immutable thawSeconds;
    /// @notice Share of each claim that is kept as fee, in hundredths of a percent.
    uint16 public immutable feeBps;

    /// @notice Fees collected from all claims.
    uint256 public feesHeld;
    /// @notice What an operator has been credited and not yet been paid.
    mapping(address operator => uint256) public owed;

    mapping(bytes32 id => Purse) private _purses;
    mapping(bytes32 id => uint128) private _claimed;

    /// @notice A purse was funded.
    event PurseFunded(
        bytes32 indexed purse, address indexed payer, address indexed voucherSigner, bytes32 root, uint128 total
    );
    /// @notice A voucher was settled: `gross` is new debt since the last claim on the channel, `fee` its fee.
    event Claimed(
        bytes32 indexed purse,
        bytes32 channel,
        address indexed node,
        address indexed operator,
        uint128 cumulative,
        uint128 gross,
        uint128 fee
    );
    /// @notice An operator's credit was sent to it.
    event PaidOut(address indexed operator, uint256 amount);
    /// @notice The payer asked for its money back; claims are safe up to and including `thawEndsAt`.
    event PurseThawing(bytes32 indexed purse, uint64 thawEndsAt);
    /// @notice The remainder went back to the payer.
    event PurseClosed(bytes32 indexed purse, address indexed payer, uint128 refund);

    error TokenDecimalsNotSix(uint8 decimals);
    error ThawTooShort(uint256 thawSeconds, uint256 minimum);
    error FeeTooHigh(uint256 feeBps, uint256 maximum);
    error PurseEmpty();
    error PurseExists(bytes32 purse);
    error PurseUnknown(bytes32 purse);
    error PurseAlreadyClosed(bytes32 purse);
    error PurseAlreadyThawing(bytes32 purse, uint64 thawEndsAt);
    error PurseNotThawed(bytes32 purse, uint64 thawEndsAt, uint256 nowSeconds);
    error NotThePayer(address caller, address payer);
    error DepositMismatch(uint256 expected, uint256 received);
    error NothingOwed(address operator);
    error ClaimPurseUnknown(uint256 claimIndex, bytes32 purse);
    error ClaimPurseClosed(uint256 claimIndex, bytes32 purse);
    error ClaimAboveAllocation(uint256 claimIndex, uint128 cumulative, uint128 allocation);
    error ClaimBranchTooDeep(uint256 claimIndex, uint256 depth, uint256 maximum);
    error ClaimBranchMismatch(uint256 claimIndex, bytes32 root, uint256 sum, bytes32 purseRoot, uint128 purseTotal);
    error ClaimSignatureInvalid(uint256 claimIndex, uint256 signatureBytes);
    error ClaimSignerMismatch(uint256 claimIndex, address signer, address voucherSigner);

    /// @notice Fixes the token, the thaw and the fee for good.
    /// @param token_ An ERC-20 with 6 decimals.
    /// @param thawSeconds_ At least `MIN_THAW_SECONDS`.
    /// @param feeBps_ At most `MAX_FEE_BPS`; 500 is 5 %.
    constructor(IERC20Metadata token_, uint32 thawSeconds_, uint16 feeBps_) EIP712("Stead Escrow", "1") {
        uint8 decimals = token_.decimals();
        if (decimals != 6) revert TokenDecimalsNotSix(decimals);
        if (thawSeconds_ < MIN_THAW_SECONDS) revert ThawTooShort(thawSeconds_, MIN_THAW_SECONDS);
        if (feeBps_ > MAX_FEE_BPS) revert FeeTooHigh(feeBps_, MAX_FEE_BPS);
        token = token_;
        thawSeconds = thawSeconds_;
        feeBps = feeBps_;
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

    /// @notice Settles vouchers, credits each named operator with the new debt less the fee. Anybody may call.
    /// @dev A voucher that is not above what its channel has already been paid changes nothing, so that whoever
    ///      submitted it first never makes this batch fail. Any other fault reverts all of it, naming the claim.
    ///      Claims work until the purse is closed, which is never before the end of the thaw.
    /// @param claims The vouchers; the first on a channel brings its branch.
    function claim(Claim[] calldata claims) external {
        uint256 fees = 0;
        for (uint256 i = 0; i < claims.length; ++i) {
            fees += _settle(i, claims[i]);
        }
        feesHeld += fees;
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

    /// @notice How much of a channel has been claimed, fees included, and whether its branch has been seen.
    /// @param id The channel, as `channelIdOf` computes it.
    /// @return claimed The highest voucher settled.
    /// @return opened Whether later claims may leave the branch out.
    function channel(bytes32 id) external view returns (uint128 claimed, bool opened) {
        claimed = _claimed[id];
        opened = claimed != 0;
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
        address signer = voucherSigner == address(0) ? payer : voucherSigner;
        id = purseIdOf(payer, signer, root, total, salt);
        if (_purses[id].total != 0) revert PurseExists(id);
        _purses[id] = Purse({
            voucherSigner: signer, thawEndsAt: 0, closed: false, payer: payer, root: root, total: total, claimed: 0
        });
        emit PurseFunded(id, payer, signer, root, total);
    }

    /// @dev A token that keeps a part of each transfer would leave the last claims uncovered, so it is refused.
    function _requireReceived(uint256 balanceBefore, uint256 expected) private view {
        uint256 received = token.balanceOf(address(this)) - balanceBefore;
        if (received != expected) revert DepositMismatch(expected, received);
    }

    /// @dev Settles one voucher and returns its fee. Makes no external call.
    function _settle(uint256 claimIndex, Claim calldata c) private returns (uint128 fee) {
        bytes32 channelId = channelIdOf(c.purse, c.node, c.operator, c.allocation);
        uint128 before = _claimed[channelId];
        if (c.cumulative <= before) return 0;

        Purse storage stored = _purses[c.purse];
        if (stored.total == 0) revert ClaimPurseUnknown(claimIndex, c.purse);
        if (stored.closed) revert ClaimPurseClosed(claimIndex, c.purse);
        if (c.cumulative > c.allocation) revert ClaimAboveAllocation(claimIndex, c.cumulative, c.allocation);
        // A channel has been paid something exactly when its branch has been verified.
        if (before == 0) _requireBranch(claimIndex, c, stored.root, stored.total);
        _requireSignature(claimIndex, c, stored.voucherSigner);

        uint128 gross = c.cumulative - before;
        // The fee is that of the whole debt less what was kept before: splitting a debt into many claims rounds
        // nothing away, and the books close to the last unit.
        fee = _feeOf(c.cumulative) - _feeOf(before);
        _claimed[channelId] = c.cumulative;
        uint128 drawn = stored.claimed + gross;
        // The tree already guarantees it; should that ever be wrong, one purse still cannot draw on another's money.
        assert(drawn <= stored.total);
        stored.claimed = drawn;
        owed[c.operator] += gross - fee;
        emit Claimed(c.purse, channelId, c.node, c.operator, c.cumulative, gross, fee);
    }

    /// @dev Refuses a leaf that the purse's root and total do not commit to.
    function _requireBranch(uint256 claimIndex, Claim calldata c, bytes32 purseRoot, uint128 purseTotal) private pure {
        if (c.branch.length > MAX_DEPTH) revert ClaimBranchTooDeep(claimIndex, c.branch.length, MAX_DEPTH);
        bytes32 leaf = MerkleSum.leafHash(c.node, c.operator, c.allocation);
        (bytes32 root, uint256 sum) = MerkleSum.rootOf(leaf, c.allocation, c.index, c.branch);
        if (root != purseRoot || sum != purseTotal) {
            revert ClaimBranchMismatch(claimIndex, root, sum, purseRoot, purseTotal);
        }
    }

    /// @dev Refuses a voucher that the purse's voucher signer did not sign. Only plain keys can sign: what a contract
    ///      accepts as its signature it may refuse tomorrow, and a provider could not rely on it.
    function _requireSignature(uint256 claimIndex, Claim calldata c, address voucherSigner) private view {
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(VOUCHER_TYPEHASH, c.purse, c.node, c.operator, c.allocation, c.cumulative))
        );
        (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(c.signature);
        (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, v, r, s);
        if (fault != ECDSA.RecoverError.NoError) revert ClaimSignatureInvalid(claimIndex, c.signature.length);
        if (signer != voucherSigner) revert ClaimSignerMismatch(claimIndex, signer, voucherSigner);
    }

    /// @dev The fee on a channel's whole debt, rounded down.
    function _feeOf(uint128 cumulative) private view returns (uint128) {
        return uint128((uint256(cumulative) * feeBps) / 10_000);
    }
}
