// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Escrow} from "./Escrow.sol";
import {RewardRoots} from "./RewardRoots.sol";
import {Stake} from "./Stake.sol";
import {SteadToken} from "./SteadToken.sol";

/// @title Rewards: what the network pays beyond payers' money
/// @notice A program is a deterministic function from public evidence to what each operator earned, named by the hash
/// of its code and parameters. Utility programs mint tokens, sponsored ones pay out of dollars that sponsors put in.
/// All programs' leaves are in one Merkle root (RewardRoots).
/// @dev The root says what is deserved; this contract says how much can be paid. Minting is clipped per operator to
///      κ · burned · operator's fees / all fees, summed over epochs, whatever the root says: a corrupt majority of
///      stake can misjudge who was good, but nobody can get back more than a part κ < 1 of what was burned on account
///      of its own traffic, so paying oneself is always a loss (docs/adr/0012-economics.md has the proof).
contract Rewards is RewardRoots {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;
    using Checkpoints for Checkpoints.Trace208;

    /// @notice Where a program's money comes from; once set it never changes.
    enum Source {
        None,
        Minted,
        Sponsored
    }

    /// @notice A program that is in use from the beginning.
    struct Program {
        bytes32 id;
        Source source;
    }

    /// @notice Highest κ, in hundredths of a percent.
    uint256 public constant MAX_KAPPA_BPS = 9_000;

    /// @notice Who may change κ and name programs: the timelock of the governor contract.
    address public immutable governor;
    /// @notice What sponsors put in and sponsored programs pay: the settlement currency of the Escrow, because a
    /// sponsor buys something that has a price, and what it promises must not move with the token.
    IERC20 public immutable sponsorToken;

    /// @notice Where the money of a program comes from.
    mapping(bytes32 program => Source) public sourceOf;
    /// @notice Whether proposers use a program, and sponsors may add to it. Claims do not ask.
    mapping(bytes32 program => bool) public enabled;
    /// @notice Dollars that sponsors have put into a program.
    mapping(bytes32 program => uint256) public sponsored;
    /// @notice Dollars that a sponsored program has paid.
    mapping(bytes32 program => uint256) public spent;
    /// @notice What an operator has been paid by a program.
    mapping(bytes32 program => mapping(address operator => uint256)) public paid;
    /// @notice Most tokens that may ever be minted for an operator, by the epochs accrued so far.
    mapping(address operator => uint256) public cap;
    /// @notice Tokens minted for an operator, by all utility programs.
    mapping(address operator => uint256) public minted;

    mapping(address operator => BitMaps.BitMap) private _accrued;
    Checkpoints.Trace208 private _kappaBps;

    /// @notice An operator's cap rose on account of one epoch.
    event Accrued(address indexed operator, uint256 indexed epoch, uint256 amount);
    /// @notice An operator was paid by a program.
    event RewardPaid(bytes32 indexed program, address indexed operator, uint256 amount, uint256 cumulative);
    /// @notice A sponsor added dollars to a program.
    event Sponsored(bytes32 indexed program, address indexed sponsor, uint256 amount);
    /// @notice A program was named, or is in use or not.
    event ProgramChanged(bytes32 indexed program, Source source, bool enabled);
    /// @notice Lots that are sold in the second `from` or later count with another κ.
    event KappaChanged(uint16 kappaBps, uint256 from);

    error NotTheGovernor(address caller, address governor);
    error KappaTooHigh(uint256 kappaBps, uint256 maximum);
    error SourceInvalid(bytes32 program, Source source);
    error ProgramNotSponsored(bytes32 program);
    error ProgramUnknown(bytes32 program);
    error AlreadyAccrued(address operator, uint256 epoch);
    error EpochNotSold(uint256 epoch);
    error ProofInvalid(bytes32 root);
    error NothingToClaim(uint256 cumulative, uint256 paid, uint256 available);
    error DepositMismatch(uint256 expected, uint256 received);

    /// @notice Fixes everything but κ and the list of programs for good.
    /// @param token_ The token; its minter must be this contract.
    /// @param stake_ Whose bonds vote on roots.
    /// @param escrow_ Whose epochs and lots count.
    /// @param governor_ Who may change κ and name programs.
    /// @param kappaBps_ Part of what was burned that may be minted, at most `MAX_KAPPA_BPS`; 8,000 is 0.8.
    /// @param terms Numbers of proposals.
    /// @param programs Programs that are in use from the beginning.
    constructor(
        SteadToken token_,
        Stake stake_,
        Escrow escrow_,
        address governor_,
        uint16 kappaBps_,
        RootTerms memory terms,
        Program[] memory programs
    ) RewardRoots(token_, stake_, escrow_, terms) {
        governor = governor_;
        sponsorToken = escrow_.token();
        _setKappaBps(kappaBps_, block.timestamp);
        for (uint256 i = 0; i < programs.length; ++i) {
            _setProgram(programs[i].id, programs[i].source, true);
        }
    }

    /// @notice Raises an operator's cap by its part of what was burned for some epochs. Anybody may call, once for
    /// each operator and epoch, when the epoch's lot is sold.
    /// @param operator Whose fees.
    /// @param epochs Which epochs, in any order.
    /// @return amount What the cap rose by.
    function accrue(address operator, uint256[] calldata epochs) external returns (uint256 amount) {
        for (uint256 i = 0; i < epochs.length; ++i) {
            uint256 epoch = epochs[i];
            if (_accrued[operator].get(epoch)) revert AlreadyAccrued(operator, epoch);
            _accrued[operator].set(epoch);
            uint256 part = _capOf(operator, epoch);
            amount += part;
            emit Accrued(operator, epoch, part);
        }
        cap[operator] += amount;
    }

    /// @notice Pays an operator what the final root says it has earned in a program and was not paid yet, as far as
    /// the cap or the sponsors' money goes; the rest can be claimed when there is more. Anybody may call.
    /// @param program The program.
    /// @param operator Who is paid.
    /// @param cumulative All that it has earned, as in the leaf.
    /// @param proof Siblings from the leaf upwards, as OpenZeppelin's MerkleProof takes them.
    /// @return amount What was paid, never zero.
    function claim(bytes32 program, address operator, uint256 cumulative, bytes32[] calldata proof)
        external
        nonReentrant
        returns (uint256 amount)
    {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(program, operator, cumulative))));
        if (!MerkleProof.verifyCalldata(proof, _final.root, leaf)) revert ProofInvalid(_final.root);
        Source source = sourceOf[program];
        if (source == Source.None) revert ProgramUnknown(program);
        uint256 before = paid[program][operator];
        uint256 available =
            source == Source.Minted ? cap[operator] - minted[operator] : sponsored[program] - spent[program];
        amount = cumulative > before ? cumulative - before : 0;
        if (amount > available) amount = available;
        if (amount == 0) revert NothingToClaim(cumulative, before, available);

        paid[program][operator] = before + amount;
        emit RewardPaid(program, operator, amount, cumulative);
        if (source == Source.Minted) {
            minted[operator] += amount;
            rewardToken.mint(operator, amount);
        } else {
            spent[program] += amount;
            sponsorToken.safeTransfer(operator, amount);
        }
    }

    /// @notice Puts dollars, approved before, into a sponsored program. They cannot be taken back: operators work for
    /// them as soon as they are there.
    /// @param program An enabled sponsored program.
    /// @param amount In the settlement currency's unit.
    function sponsor(bytes32 program, uint256 amount) external nonReentrant {
        if (sourceOf[program] != Source.Sponsored || !enabled[program]) revert ProgramNotSponsored(program);
        sponsored[program] += amount;
        emit Sponsored(program, msg.sender, amount);
        uint256 balanceBefore = sponsorToken.balanceOf(address(this));
        sponsorToken.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = sponsorToken.balanceOf(address(this)) - balanceBefore;
        if (received != amount) revert DepositMismatch(amount, received);
    }

    /// @notice Names a program, or says whether it is in use. Only the governor may call. What was earned in it can
    /// be claimed for ever, also after it was disabled.
    /// @param program Hash of the program's code and parameters.
    /// @param source Where its money comes from; must be the same as before once it was set.
    /// @param inUse Whether proposers use it, and sponsors may add to it.
    function setProgram(bytes32 program, Source source, bool inUse) external {
        if (msg.sender != governor) revert NotTheGovernor(msg.sender, governor);
        _setProgram(program, source, inUse);
    }

    /// @notice Changes κ for lots that are sold after this second. Only the governor may call.
    /// @param kappaBps_ At most `MAX_KAPPA_BPS`.
    function setKappaBps(uint16 kappaBps_) external {
        if (msg.sender != governor) revert NotTheGovernor(msg.sender, governor);
        _setKappaBps(kappaBps_, block.timestamp + 1);
    }

    /// @notice Part of what is burned now that may be minted, in hundredths of a percent.
    function kappaBps() external view returns (uint256) {
        return kappaBpsAt(block.timestamp);
    }

    /// @notice The κ that counts for a lot that was sold in some second.
    /// @param timestamp Unix second.
    function kappaBpsAt(uint256 timestamp) public view returns (uint256) {
        return _kappaBps.upperLookupRecent(uint48(timestamp));
    }

    /// @notice Whether an operator's cap has risen on account of an epoch.
    function isAccrued(address operator, uint256 epoch) external view returns (bool) {
        return _accrued[operator].get(epoch);
    }

    /// @notice What an operator's cap would rise by on account of an epoch; 0 when it has risen already or its lot is
    /// not sold.
    function accruable(address operator, uint256 epoch) external view returns (uint256) {
        (, Escrow.Lot memory lot) = escrow.saleOf(epoch, operator);
        return lot.soldAt == 0 || _accrued[operator].get(epoch) ? 0 : _capOf(operator, epoch);
    }

    /// @dev κ · burned · operator's fees / lot's fees, rounded down: over all operators and epochs of a lot never
    ///      above κ · burned.
    function _capOf(address operator, uint256 epoch) private view returns (uint256) {
        (uint128 fees, Escrow.Lot memory lot) = escrow.saleOf(epoch, operator);
        if (lot.soldAt == 0) revert EpochNotSold(epoch);
        return (lot.burned * kappaBpsAt(lot.soldAt) * fees) / (uint256(lot.fees) * 10_000);
    }

    /// @dev From the next second on, so that a lot's κ is known in the moment of its sale.
    function _setKappaBps(uint16 kappaBps_, uint256 from) private {
        if (kappaBps_ > MAX_KAPPA_BPS) revert KappaTooHigh(kappaBps_, MAX_KAPPA_BPS);
        _kappaBps.push(uint48(from), kappaBps_);
        emit KappaChanged(kappaBps_, from);
    }

    function _setProgram(bytes32 program, Source source, bool inUse) private {
        Source before = sourceOf[program];
        if (source == Source.None || (before != Source.None && before != source)) {
            revert SourceInvalid(program, source);
        }
        sourceOf[program] = source;
        enabled[program] = inUse;
        emit ProgramChanged(program, source, inUse);
    }
}
