// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AgreementDocuments} from "./AgreementDocuments.sol";
import {PossessionProofs} from "./PossessionProofs.sol";
import {Stake} from "./Stake.sol";
import {Statements} from "./Statements.sol";

/// @title Possession: nodes show that they keep what they agreed to keep
/// @notice Somebody who has a storage agreement that payer and node both signed asks for five of its leaves, which the
/// hash of a later block draws. The node shows them within a time, or loses a part of its stake. Who asks puts in a
/// deposit, which the node's operator receives for a right answer.
/// @dev There is no owner, and nothing here can be changed. Only silence is punished: a wrong answer changes nothing, or
///      anybody could give one in a node's name. docs/adr/0018-possession-adjudicator.md says why it is built so.
contract Possession is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using AgreementDocuments for AgreementDocuments.Agreement;

    /// @notice What never changes.
    /// @param answerSeconds Time to answer in from the drawing of the seed, 1 .. 3 days' seconds.
    /// @param deposit What who asks puts in, in the stake token's unit, more than zero.
    struct Terms {
        uint32 answerSeconds;
        uint128 deposit;
    }

    /// @notice A revision of an agreement with the EIP-2098 halves of both signatures.
    struct Signed {
        bytes document;
        bytes32 payerR;
        bytes32 payerVs;
        bytes32 nodeR;
        bytes32 nodeVs;
    }

    /// @notice An open challenge.
    /// @param root Root of the tree over the agreement's pieces.
    /// @param agreement Name of the agreement.
    /// @param node Who has to answer.
    /// @param leaves Leaves of all pieces together.
    /// @param revision Which revision it is about.
    /// @param levels Levels of the tree over the pieces.
    /// @param challenger Who put in the deposit; zero for a challenge that is over or never was.
    /// @param seedBlock The block whose hash is the seed.
    /// @param endsAt Last Unix second for an answer; 0 while the seed is not drawn.
    /// @param seed What draws the leaves; 0 while it is not drawn.
    struct Challenge {
        bytes32 root;
        bytes32 agreement;
        address node;
        uint48 leaves;
        uint32 revision;
        uint8 levels;
        address challenger;
        uint48 seedBlock;
        uint48 endsAt;
        bytes32 seed;
    }

    /// @notice Blocks from a challenge to the one whose hash is its seed.
    uint256 public constant SEED_DELAY_BLOCKS = 8;
    /// @notice Blocks after it in which the seed can be drawn; later, its hash is unknown.
    uint256 public constant DRAW_BLOCKS = 256;
    /// @notice How old a revision may be to be asked about. Nodes keep pieces for two weeks without being paid, and each
    /// payment is a revision: a node is not asked about what it was free to delete.
    uint256 public constant REVISION_SECONDS_MAX = 7 days;
    /// @notice Longest time to answer that a deployment may choose: all is over before unbonded stake is gone.
    uint256 public constant ANSWER_SECONDS_MAX = 3 days;
    /// @notice What a node without an answer loses, in hundredths of a percent of its stake.
    uint256 public constant MISSED_BPS = 1_000;
    /// @notice A node is punished once in each such period, however many challenges it missed: one outage, one tenth.
    uint256 public constant PERIOD_SECONDS = 7 days;
    /// @notice Most levels of the tree over the pieces.
    uint256 public constant LEVELS_MAX = 20;

    bytes32 private constant MISSED_PURPOSE = keccak256("stead/possession-missed");

    /// @notice Where stake is taken.
    Stake public immutable stake;
    /// @notice Agreements about another escrow are not heard.
    address public immutable escrow;
    /// @notice What the deposit is in: the staked token.
    IERC20 public immutable token;
    /// @notice Time to answer in, from the drawing of the seed.
    uint32 public immutable answerSeconds;
    /// @notice What who asks puts in.
    uint128 public immutable deposit;
    /// @notice Number of the newest challenge; the first is 1.
    uint256 public lastChallenge;

    mapping(uint256 number => Challenge) private _challenges;

    /// @notice A node was asked; which leaves, the hash of block `seedBlock` will say.
    event Announced(
        uint256 indexed number,
        address indexed node,
        bytes32 indexed agreement,
        uint256 revision,
        address challenger,
        uint256 seedBlock
    );
    /// @notice The leaves are known; an answer is taken up to and including `endsAt`.
    event Drawn(uint256 indexed number, address indexed node, bytes32 seed, uint256 endsAt);
    /// @notice The challenge is about a later revision now.
    event Superseded(uint256 indexed number, address indexed node, uint256 revision);
    /// @notice The node has what it agreed to keep, or has agreed to keep nothing any more; the deposit is its operator's.
    event Answered(uint256 indexed number, address indexed node);
    /// @notice No answer came, and the node lost `taken`.
    event Missed(uint256 indexed number, address indexed node, uint256 taken);
    /// @notice The challenge came to nothing, and the deposit went back.
    event Reclaimed(uint256 indexed number, address indexed node);

    error AnswerTimeInvalid(uint256 answerSeconds, uint256 maximum);
    error DepositZero();
    error DepositMismatch(uint256 expected, uint256 received);
    error AnotherChain(uint256 chainId);
    error AnotherEscrow(address escrow);
    error NotSignedByPayer(address signer, address payer);
    error NotSignedByNode(address signer, address node);
    error TreeInvalid(uint256 slots, uint256 leaves);
    error NothingKept();
    error NodeUnknown(address node);
    error RevisionTooOld(uint256 atSecond, uint256 nowSeconds);
    error ChallengeUnknown(uint256 number);
    error AlreadyDrawn(uint256 number);
    error SeedNotThere(uint256 seedBlock, uint256 nowBlock);
    error SeedGone(uint256 seedBlock, uint256 nowBlock);
    error NotDrawn(uint256 number);
    error TooLate(uint256 endsAt, uint256 nowSeconds);
    error TooEarly(uint256 endsAt, uint256 nowSeconds);
    error AnotherAgreement(bytes32 agreement, bytes32 expected);
    error NotLater(uint256 revision, uint256 challenged);
    error NotTheNodesOperator(address caller, address operator);
    error NotTheChallenger(address caller, address challenger);

    /// @notice Fixes everything for good.
    /// @param stake_ Where stake is taken; it must name this contract as an adjudicator.
    /// @param escrow_ Where the agreements are paid.
    /// @param terms Time to answer, and deposit.
    constructor(Stake stake_, address escrow_, IERC20 token_, Terms memory terms) {
        if (terms.answerSeconds == 0 || terms.answerSeconds > ANSWER_SECONDS_MAX) {
            revert AnswerTimeInvalid(terms.answerSeconds, ANSWER_SECONDS_MAX);
        }
        if (terms.deposit == 0) revert DepositZero();
        stake = stake_;
        escrow = escrow_;
        token = token_;
        answerSeconds = terms.answerSeconds;
        deposit = terms.deposit;
    }

    /// @notice Asks a node for five leaves of an agreement. The deposit must be approved before.
    /// @param signed A revision that is at most `REVISION_SECONDS_MAX` old.
    /// @return number The challenge.
    function announce(Signed calldata signed) external nonReentrant returns (uint256 number) {
        (AgreementDocuments.Agreement memory agreement, bytes32 id) = _open(signed);
        if (agreement.leaves == 0) revert NothingKept();
        if (stake.operatorOf(agreement.node) == address(0)) revert NodeUnknown(agreement.node);
        if (block.timestamp > agreement.atSecond + REVISION_SECONDS_MAX) {
            revert RevisionTooOld(agreement.atSecond, block.timestamp);
        }
        number = ++lastChallenge;
        uint256 seedBlock = block.number + SEED_DELAY_BLOCKS;
        Challenge storage stored = _challenges[number];
        stored.agreement = id;
        stored.node = agreement.node;
        stored.challenger = msg.sender;
        stored.seedBlock = uint48(seedBlock);
        _setRevision(stored, agreement);
        emit Announced(number, agreement.node, id, agreement.revision, msg.sender, seedBlock);

        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), deposit);
        uint256 received = token.balanceOf(address(this)) - balanceBefore;
        if (received != deposit) revert DepositMismatch(deposit, received);
    }

    /// @notice Draws the seed: the hash of the announced block, in the `DRAW_BLOCKS` after it. Anybody may call.
    /// @param number The challenge.
    /// @return seed What draws the leaves.
    function draw(uint256 number) external returns (bytes32 seed) {
        Challenge storage stored = _known(number);
        if (stored.endsAt != 0) revert AlreadyDrawn(number);
        if (block.number <= stored.seedBlock) revert SeedNotThere(stored.seedBlock, block.number);
        seed = blockhash(stored.seedBlock);
        if (seed == 0) revert SeedGone(stored.seedBlock, block.number);
        uint256 endsAt = block.timestamp + answerSeconds;
        stored.seed = seed;
        stored.endsAt = uint48(endsAt);
        emit Drawn(number, stored.node, seed, endsAt);
    }

    /// @notice Shows the leaves. Anybody may call; the deposit goes to the node's operator. An answer that is wrong is as
    /// none: a right one may follow.
    /// @param number The challenge.
    /// @param proof The five leaves, as `PossessionProofs` says.
    function answer(uint256 number, bytes calldata proof) external nonReentrant {
        Challenge storage stored = _known(number);
        if (stored.endsAt == 0) revert NotDrawn(number);
        if (block.timestamp > stored.endsAt) revert TooLate(stored.endsAt, block.timestamp);
        PossessionProofs.check(proof, stored.seed, stored.root, stored.leaves, stored.levels);
        _payNode(number, stored.node);
    }

    /// @notice Makes a challenge one about a later revision, which both sides signed as well. It goes on with the same
    /// seed and to the same second; it is over when nothing is kept any more. Only the node's operator may call: anybody
    /// else could make an answer wrong that is on its way.
    /// @param number The challenge.
    /// @param signed A revision after the challenged one.
    function supersede(uint256 number, Signed calldata signed) external nonReentrant {
        Challenge storage stored = _known(number);
        address operator = stake.operatorOf(stored.node);
        if (msg.sender != operator) revert NotTheNodesOperator(msg.sender, operator);
        if (stored.endsAt != 0 && block.timestamp > stored.endsAt) revert TooLate(stored.endsAt, block.timestamp);
        (AgreementDocuments.Agreement memory agreement, bytes32 id) = _open(signed);
        if (id != stored.agreement) revert AnotherAgreement(id, stored.agreement);
        if (agreement.revision <= stored.revision) revert NotLater(agreement.revision, stored.revision);
        emit Superseded(number, stored.node, agreement.revision);
        if (agreement.leaves == 0) _payNode(number, stored.node);
        else _setRevision(stored, agreement);
    }

    /// @notice Punishes a node that has not answered in time. Anybody may call; who asked gets its deposit back and the
    /// reporter's part.
    /// @param number The challenge.
    /// @return taken What the node lost.
    function punish(uint256 number) external nonReentrant returns (uint256 taken) {
        Challenge memory missed = _known(number);
        _requireOver(number, missed.endsAt);
        delete _challenges[number];
        taken = stake.slash(missed.node, missedSlot(missed.endsAt), MISSED_BPS, missed.challenger);
        emit Missed(number, missed.node, taken);
        token.safeTransfer(missed.challenger, deposit);
    }

    /// @notice Gives who asked its deposit back when the seed was not drawn in time, or when no answer came and the node
    /// cannot be punished (any more). Only who asked may call.
    /// @param number The challenge.
    function reclaim(uint256 number) external nonReentrant {
        Challenge memory open = _known(number);
        if (msg.sender != open.challenger) revert NotTheChallenger(msg.sender, open.challenger);
        if (!_isGone(open)) _requireOver(number, open.endsAt);
        delete _challenges[number];
        emit Reclaimed(number, open.node);
        token.safeTransfer(open.challenger, deposit);
    }

    /// @notice A challenge; all zero when it is over or never was.
    /// @param number The challenge.
    function challenge(uint256 number) external view returns (Challenge memory) {
        return _challenges[number];
    }

    /// @notice What a node is punished for when its answer was due at `endsAt`.
    /// @param endsAt Unix second.
    function missedSlot(uint256 endsAt) public pure returns (bytes32) {
        return keccak256(abi.encode(MISSED_PURPOSE, endsAt / PERIOD_SECONDS));
    }

    /// @dev Reads a revision of this chain and escrow that payer and node signed.
    function _open(Signed calldata signed)
        private
        view
        returns (AgreementDocuments.Agreement memory agreement, bytes32 id)
    {
        agreement = AgreementDocuments.read(signed.document);
        if (agreement.chainId != block.chainid) revert AnotherChain(agreement.chainId);
        if (agreement.escrow != escrow) revert AnotherEscrow(agreement.escrow);
        id = agreement.idOf();
        bytes32 slot = AgreementDocuments.slotOf(id, agreement.revision);
        bytes32 payload = sha256(signed.document);
        address payer = Statements.signerOf(slot, payload, signed.payerR, signed.payerVs);
        if (payer != agreement.payer) revert NotSignedByPayer(payer, agreement.payer);
        address node = Statements.signerOf(slot, payload, signed.nodeR, signed.nodeVs);
        if (node != agreement.node) revert NotSignedByNode(node, agreement.node);
    }

    function _setRevision(Challenge storage stored, AgreementDocuments.Agreement memory agreement) private {
        uint256 levels = 0;
        while (uint256(1) << levels < agreement.slots) {
            ++levels;
            if (levels > LEVELS_MAX) revert TreeInvalid(agreement.slots, agreement.leaves);
        }
        if (uint256(1) << levels != agreement.slots || agreement.leaves > PossessionProofs.LEAVES_MAX) {
            revert TreeInvalid(agreement.slots, agreement.leaves);
        }
        stored.root = agreement.root;
        stored.leaves = uint48(agreement.leaves);
        stored.revision = uint32(agreement.revision);
        stored.levels = uint8(levels);
    }

    function _payNode(uint256 number, address node) private {
        delete _challenges[number];
        emit Answered(number, node);
        token.safeTransfer(stake.operatorOf(node), deposit);
    }

    function _known(uint256 number) private view returns (Challenge storage stored) {
        stored = _challenges[number];
        if (stored.challenger == address(0)) revert ChallengeUnknown(number);
    }

    /// @dev Nobody drew the seed while the block's hash was known.
    function _isGone(Challenge memory open) private view returns (bool) {
        return open.endsAt == 0 && block.number > open.seedBlock + DRAW_BLOCKS;
    }

    function _requireOver(uint256 number, uint256 endsAt) private view {
        if (endsAt == 0) revert NotDrawn(number);
        if (block.timestamp <= endsAt) revert TooEarly(endsAt, block.timestamp);
    }
}
