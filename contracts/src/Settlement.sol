// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {FeeLots} from "./FeeLots.sol";
import {MerkleSum} from "./MerkleSum.sol";
import {VOUCHER_TYPEHASH, Voucher, Vouchers} from "./Vouchers.sol";

/// @title Settlement: vouchers draw on purses
/// @notice The half of Escrow that turns vouchers into credit. A batch of a hundred later claims is what the network
/// pays for most, so this code is written to cost little: two storage slots, one signature and two words of an event
/// for each claim.
abstract contract Settlement is EIP712, FeeLots {
    using Vouchers for Voucher;

    /// @notice One payer's locked money. The first four lie in one storage slot, the only one of the purse that a
    /// later claim reads and writes.
    /// @param voucherSigner Whose signature makes a voucher valid.
    /// @param claimed What vouchers have drawn so far, fees included.
    /// @param feeBps The fee that held when the purse was funded, in hundredths of a percent; it never changes.
    /// @param closed Whether the remainder has gone back; a closed purse pays nothing more and its id is never reused.
    /// @param payer Who funded it, may thaw it, and gets back what nobody claimed.
    /// @param total What was locked, never zero; a branch is valid only when its sum is exactly this.
    /// @param root Hash of the Merkle-sum tree's root.
    /// @param thawEndsAt Unix second until which claims are safe from `close`; 0 while the purse is not thawing.
    struct Purse {
        address voucherSigner;
        uint72 claimed;
        uint16 feeBps;
        bool closed;
        address payer;
        uint72 total;
        bytes32 root;
        uint64 thawEndsAt;
    }

    /// @notice A voucher.
    /// @param purse Id of the purse.
    /// @param allocation The channel's share of the purse.
    /// @param cumulative The whole debt on this channel since it began, not an increment.
    /// @param r First half of the EIP-2098 signature by the purse's voucher signer.
    /// @param vs Second half.
    struct Claim {
        bytes32 purse;
        uint128 allocation;
        uint128 cumulative;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice The proof that a purse holds a channel, for the first claim on it when its tree has other leaves.
    /// @param claim Position of the claim in its batch; openings come in the order of their claims.
    /// @param index Bit i says whether our node is the right child at level i.
    /// @param branch The siblings from the leaf upwards.
    struct Opening {
        uint256 claim;
        uint256 index;
        MerkleSum.Sibling[] branch;
    }

    /// @notice Claims of one node.
    /// @param node The provider's node key.
    /// @param operator Who is credited.
    /// @param claims The vouchers.
    /// @param openings Branches of those claims that are the first on their channel; others are not looked at.
    struct Batch {
        address node;
        address operator;
        Claim[] claims;
        Opening[] openings;
    }

    /// @dev What a batch has come to while it is settled.
    /// @param domain The EIP-712 separator.
    /// @param voucher The words of the claim that is being settled.
    /// @param offset Claims of the batches before it.
    /// @param opening The first opening that a later claim may need.
    /// @param gross New debt.
    /// @param fees Kept of it.
    /// @param count Words of `settled` in use.
    /// @param settled As in the event.
    struct Tally {
        bytes32 domain;
        Voucher voucher;
        uint256 offset;
        uint256 opening;
        uint256 gross;
        uint256 fees;
        uint256 count;
        uint256[] settled;
    }

    /// @notice Longest branch that a claim may bring: room for 2^32 providers in one purse.
    uint256 public constant MAX_DEPTH = 32;

    uint256 private constant SIGNER_SHIFT = 96;

    /// @notice What an operator has been credited and not yet been paid.
    mapping(address operator => uint256) public owed;

    mapping(bytes32 id => Purse) internal _purses;
    /// @dev voucher signer << 96 | claimed, in one slot; what is claimed never exceeds a purse, which has 72 bits. The
    ///      signer costs a later claim nothing, and says whose money it was: an event would, with each claim.
    mapping(bytes32 id => uint256) private _claimed;

    /// @notice Vouchers of one node were settled. One event for a batch and two words for a claim cost a fourth of what
    /// an event for each claim would.
    /// @param settled For each claim that was not stale, in order: the channel's id, then
    /// cumulative << 144 | gross << 72 | fee, where `gross` is the new debt and `fee` what was kept of it.
    event Claimed(address indexed node, address indexed operator, uint256[] settled);

    error ClaimPurseUnknown(uint256 claimIndex, bytes32 purse);
    error ClaimPurseClosed(uint256 claimIndex, bytes32 purse);
    error ClaimAboveAllocation(uint256 claimIndex, uint256 cumulative, uint256 allocation);
    error ClaimBranchTooDeep(uint256 claimIndex, uint256 depth, uint256 maximum);
    error ClaimBranchMismatch(uint256 claimIndex, bytes32 root, uint256 sum, bytes32 purseRoot, uint128 purseTotal);
    error ClaimSignatureInvalid(uint256 claimIndex);
    error ClaimSignerMismatch(uint256 claimIndex, address signer, address voucherSigner);

    /// @notice Settles vouchers, credits each named operator with the new debt less the fee. Anybody may call.
    /// @dev A voucher that is not above what its channel has already been paid changes nothing, so that whoever
    ///      submitted it first never makes this batch fail. Any other fault reverts all of it, naming the claim.
    ///      Claims work until the purse is closed, which is never before the end of the thaw.
    /// @param batches The vouchers by node and operator; the first on a channel brings its branch. Errors count the
    /// claims of all batches from 0.
    function claim(Batch[] calldata batches) external {
        Tally memory tally;
        tally.domain = _domainSeparatorV4();
        tally.voucher.typeHash = VOUCHER_TYPEHASH;
        uint256 epoch = epochNow();
        uint256 allFees = 0;
        for (uint256 i = 0; i < batches.length; ++i) {
            Batch calldata batch = batches[i];
            _settleBatch(tally, batch);
            if (tally.gross == 0) continue;
            owed[batch.operator] += tally.gross - tally.fees;
            _countFees(epoch, batch.operator, tally.fees);
            allFees += tally.fees;
        }
        if (allFees > 0) _collect(epoch, allFees);
    }

    /// @notice How much of a channel has been claimed, fees included, and whether its branch has been seen.
    /// @param id The channel, as `channelIdOf` computes it.
    /// @return claimed The highest voucher settled.
    /// @return opened Whether later claims may leave the branch out.
    /// @return voucherSigner Who signs its vouchers; zero before the first claim. Whoever audits what a node was paid for
    ///         has to know by whom, without asking the node.
    function channel(bytes32 id) external view returns (uint128 claimed, bool opened, address voucherSigner) {
        uint256 packed = _claimed[id];
        (claimed, opened, voucherSigner) = (uint96(packed), packed != 0, address(uint160(packed >> SIGNER_SHIFT)));
    }

    /// @dev Settles the vouchers of one node. Makes no external call.
    function _settleBatch(Tally memory tally, Batch calldata batch) private {
        Claim[] calldata claims = batch.claims;
        Opening[] calldata openings = batch.openings;
        uint256[] memory settled = new uint256[](2 * claims.length);
        tally.settled = settled;
        (tally.opening, tally.gross, tally.fees, tally.count) = (0, 0, 0, 0);
        (tally.voucher.node, tally.voucher.operator) = (batch.node, batch.operator);
        for (uint256 position = 0; position < claims.length; ++position) {
            _settle(tally, position, claims[position], openings);
        }
        tally.offset += claims.length;
        uint256 count = tally.count;
        if (count == 0) return;
        assembly ("memory-safe") {
            mstore(settled, count)
        }
        emit Claimed(batch.node, batch.operator, settled);
    }

    /// @dev Settles one voucher.
    /// @param tally The batch so far; what this claim brings is added to it.
    /// @param position Of the claim in its batch.
    function _settle(Tally memory tally, uint256 position, Claim calldata c, Opening[] calldata openings) private {
        Voucher memory voucher = tally.voucher;
        voucher.purse = c.purse;
        voucher.allocation = c.allocation;
        voucher.cumulative = c.cumulative;
        bytes32 channelId = voucher.channelId();
        uint256 before = uint96(_claimed[channelId]);
        if (voucher.cumulative <= before) return;
        // A channel has been paid something exactly when its branch has been verified.
        if (before == 0) _requireOpening(tally, position, openings, voucher);
        address signer = voucher.signerOf(tally.domain, c.r, c.vs);
        _claimed[channelId] = (uint256(uint160(signer)) << SIGNER_SHIFT) | voucher.cumulative;
        (uint256 gross, uint256 fee) = _draw(tally, position, before, signer);
        unchecked {
            (uint256[] memory settled, uint256 count) = (tally.settled, tally.count);
            settled[count] = uint256(channelId);
            settled[count + 1] = (voucher.cumulative << 144) | (gross << 72) | fee;
            tally.count = count + 2;
            tally.gross += gross;
            tally.fees += fee;
        }
    }

    /// @dev Takes a channel's new debt from its purse, unless the voucher is above its allocation, the purse closed,
    ///      or the voucher not signed by the purse's voucher signer. The tree guarantees that all channels together
    ///      never take more than the purse holds; ADR 3 has the proof. Only plain keys can sign: what a contract
    ///      accepts as its signature it may refuse tomorrow, and a provider could not rely on it.
    /// @param signer Who signed the voucher; zero when the signature is none.
    function _draw(Tally memory tally, uint256 position, uint256 before, address signer)
        private
        returns (uint256 gross, uint256 fee)
    {
        Voucher memory voucher = tally.voucher;
        Purse storage stored = _purses[voucher.purse];
        (address voucherSigner, uint256 claimed, uint256 bps, bool closed) =
            (stored.voucherSigner, stored.claimed, stored.feeBps, stored.closed);
        uint256 cumulative = voucher.cumulative;
        if (closed) revert ClaimPurseClosed(tally.offset + position, voucher.purse);
        if (cumulative > voucher.allocation) {
            revert ClaimAboveAllocation(tally.offset + position, cumulative, voucher.allocation);
        }
        if (signer == address(0)) revert ClaimSignatureInvalid(tally.offset + position);
        if (signer != voucherSigner) revert ClaimSignerMismatch(tally.offset + position, signer, voucherSigner);
        unchecked {
            gross = cumulative - before;
            // The fee is that of the whole debt less what was kept before: splitting a debt into many claims rounds
            // nothing away, and the books close to the last unit.
            fee = (cumulative * bps) / 10_000 - (before * bps) / 10_000;
            claimed += gross;
        }
        // Never more than `total`, as the tree guarantees.
        stored.claimed = uint72(claimed);
    }

    /// @dev Refuses the first claim on a channel unless its branch leads to the purse's root and total. Without an
    ///      opening the leaf must be the root itself, as in the tree of a purse for one provider.
    function _requireOpening(Tally memory tally, uint256 position, Opening[] calldata openings, Voucher memory voucher)
        private
        view
    {
        Purse storage stored = _purses[voucher.purse];
        uint256 claimIndex = tally.offset + position;
        if (stored.total == 0) revert ClaimPurseUnknown(claimIndex, voucher.purse);
        uint256 next = tally.opening;
        while (next < openings.length && openings[next].claim < position) ++next;
        tally.opening = next;
        bytes32 root = MerkleSum.leafHash(voucher.node, voucher.operator, uint128(voucher.allocation));
        uint256 sum = voucher.allocation;
        if (next < openings.length && openings[next].claim == position) {
            MerkleSum.Sibling[] calldata branch = openings[next].branch;
            if (branch.length > MAX_DEPTH) revert ClaimBranchTooDeep(claimIndex, branch.length, MAX_DEPTH);
            (root, sum) = MerkleSum.rootOf(root, uint128(sum), openings[next].index, branch);
        }
        if (root != stored.root || sum != stored.total) {
            revert ClaimBranchMismatch(claimIndex, root, sum, stored.root, stored.total);
        }
    }
}
