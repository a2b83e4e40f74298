/** A fault that somebody could make. */
export interface Mutant {
  readonly name: string
  /** What it would let happen. */
  readonly what: string
  /** Source below src/. */
  readonly file: string
  /** Text that is there exactly once, and what the fault makes of it. */
  readonly from: string
  readonly to: string
  /** Pattern of the test files below test/ that should notice; those of the attackers where there is one. */
  readonly tests: string
}

/** The faults, by contract. */
export const mutants: readonly Mutant[] = [
  {
    name: 'clip-missing',
    what: 'a root mints whatever it says',
    file: 'Rewards.sol',
    from: 'if (amount > available) amount = available;',
    to: 'if (amount > available && source == Source.Sponsored) amount = available;',
    tests: 'EconomyInvariants.t.sol',
  },
  {
    name: 'cap-not-used-up',
    what: 'each utility program mints up to the whole cap',
    file: 'Rewards.sol',
    from: 'minted[operator] += amount;',
    to: '',
    tests: '{Rewards,EconomyInvariants}.t.sol',
  },
  {
    name: 'accrue-twice',
    what: 'an epoch raises a cap as often as somebody asks',
    file: 'Rewards.sol',
    from: '_accrued[operator].set(epoch);',
    to: '',
    tests: 'EconomyInvariants.t.sol',
  },
  {
    name: 'kappa-of-today',
    what: 'a later κ counts for lots that were sold before',
    file: 'Rewards.sol',
    from: 'kappaBpsAt(lot.soldAt)',
    to: 'kappaBpsAt(block.timestamp)',
    tests: 'EconomyInvariants.t.sol',
  },
  {
    name: 'cap-of-the-epoch',
    what: 'fees of all operators count for each',
    file: 'Rewards.sol',
    from: 'return (lot.burned * kappaBpsAt(lot.soldAt) * fees) / (uint256(lot.fees) * 10_000);',
    to: 'return (fees == 0 ? 0 : lot.burned * kappaBpsAt(lot.soldAt)) / 10_000;',
    tests: 'SelfDealing.t.sol',
  },
  {
    name: 'sponsors-money-spent-twice',
    what: 'a sponsored program pays more than was put in',
    file: 'Rewards.sol',
    from: 'spent[program] += amount;',
    to: '',
    tests: '{Rewards,EconomyInvariants}.t.sol',
  },
  {
    name: 'source-changes',
    what: 'governance turns a sponsored program into one that mints',
    file: 'Rewards.sol',
    from: '(before != Source.None && before != source)',
    to: '(before == source && source == Source.None)',
    tests: 'Governance.t.sol',
  },
  {
    name: 'two-thirds-suffice',
    what: 'a root is decided by two thirds, not more',
    file: 'RewardRoots.sol',
    from: 'if (3 * stakeFor <= 2 * stakeTotal)',
    to: 'if (3 * stakeFor < 2 * stakeTotal)',
    tests: 'RewardRoots.t.sol',
  },
  {
    name: 'vote-twice',
    what: 'a node votes as often as it signs',
    file: 'RewardRoots.sol',
    from: 'if (node <= last)',
    to: 'if (node < last)',
    tests: 'RewardRoots.t.sol',
  },
  {
    name: 'flash-bonding',
    what: 'stake of today votes on an epoch of yesterday',
    file: 'RewardRoots.sol',
    from: 'sum += stake.bondedAt(node, snapshotAt);',
    to: 'sum += snapshotAt > 0 ? stake.bonded(node) : 0;',
    tests: '{RewardRoots,EconomyInvariants}.t.sol',
  },
  {
    name: 'expelled-vote',
    what: 'a node that was caught lying still decides',
    file: 'RewardRoots.sol',
    from: 'if (!stake.expelled(node)) sum',
    to: 'sum',
    tests: '{RewardRoots,EconomyInvariants}.t.sol',
  },
  {
    name: 'deposit-kept',
    what: 'the loser of a challenge gets its deposit back',
    file: 'RewardRoots.sol',
    from: '_share(proposerWon ? open.proposer : open.challenger, deposit, deposit);',
    to: '_share(open.proposer, deposit, 0); _share(open.challenger, deposit, 0);',
    tests: 'RewardRoots.t.sol',
  },
  {
    name: 'window-shut-early',
    what: 'a root is final before anybody could challenge it',
    file: 'RewardRoots.sol',
    from: `        if (block.timestamp <= open.endsAt) revert WindowOpen(open.endsAt);
        _finish(open, open.proposed);`,
    to: '        _finish(open, open.proposed);',
    tests: 'EconomyInvariants.t.sol',
  },
  {
    name: 'sale-of-the-running-epoch',
    what: 'a lot holds fees of an epoch that is not over',
    file: 'FeeLots.sol',
    from: 'if (_unsold.epoch < epochNow()) fees += _unsold.inEpoch;',
    to: 'fees += _unsold.inEpoch;',
    tests: '{FeeLots,EconomyInvariants}.t.sol',
  },
  {
    name: 'lot-sold-twice',
    what: 'fees stay for sale after their sale',
    file: 'FeeLots.sol',
    from: '_unsold.before = 0;',
    to: '',
    tests: 'EconomyInvariants.t.sol',
  },
  {
    name: 'lot-without-burning',
    what: 'tokens that pay for a lot are not burned',
    file: 'FeeLots.sol',
    from: 'burnToken.burnFrom(msg.sender, tokens);',
    to: 'burnToken.transferFrom(msg.sender, address(this), tokens);',
    tests: 'EconomyInvariants.t.sol',
  },
  {
    name: 'price-collapses',
    what: 'one lot that was left to fall gives the next one away',
    file: 'FallingPrice.sol',
    from: 'next = 2 * price > start / 4 ? 2 * price : start / 4;',
    to: 'next = start == 0 ? start : 2 * price;',
    tests: 'FeeLots.t.sol',
  },
  {
    name: 'fee-per-claim',
    what: 'each claim rounds its own fee, so the steps of a debt change it',
    file: 'Settlement.sol',
    from: 'fee = (cumulative * bps) / 10_000 - (before * bps) / 10_000;',
    to: 'fee = (gross * bps) / 10_000;',
    tests: '{EscrowClaim,EscrowInvariants}.t.sol',
  },
  {
    name: 'fee-of-today',
    what: 'a change of the fee reaches purses that were funded before',
    file: 'Escrow.sol',
    from: 'feeBps: feeBps,',
    to: 'feeBps: 1_000,',
    tests: '{FeeLots,Governance}.t.sol',
  },
  {
    name: 'branch-unchecked-sum',
    what: 'a tree whose sums lie pays more than its purse holds',
    file: 'Settlement.sol',
    from: 'if (root != stored.root || sum != stored.total)',
    to: 'if (root != stored.root)',
    tests: 'Escrow{Tree,Invariants}.t.sol',
  },
  {
    name: 'close-in-the-last-second',
    what: 'a close beats a claim that is in time',
    file: 'Escrow.sol',
    from: 'block.timestamp <= stored.thawEndsAt',
    to: 'block.timestamp < stored.thawEndsAt',
    tests: 'Escrow{Close,Invariants}.t.sol',
  },
  {
    name: 'closed-purse-pays',
    what: 'vouchers draw on a purse whose rest went back: on other payers’ money',
    file: 'Settlement.sol',
    from: 'if (closed) revert ClaimPurseClosed(tally.offset + position, voucher.purse);',
    to: 'if (closed && voucher.purse == 0) revert ClaimPurseClosed(tally.offset + position, voucher.purse);',
    tests: 'Escrow{Close,Invariants}.t.sol',
  },
  {
    name: 'punished-twice',
    what: 'a node loses stake again for the same slot',
    file: 'Stake.sol',
    from: 'punished[node][slot] = true;',
    to: '',
    tests: 'Slashing.t.sol',
  },
  {
    name: 'unbonding-escapes',
    what: 'who unbonds before the proof arrives keeps its stake',
    file: 'Stake.sol',
    from: 'each.amount -= part;',
    to: 'part = 0;',
    tests: '{Slashing,EconomyInvariants}.t.sol',
  },
  {
    name: 'crumb-punished',
    what: 'a node is punished with a crumb, and lies with a fortune',
    file: 'Stake.sol',
    from: 'if (stored.expelled) revert NodeExpelled(node);',
    to: '',
    tests: 'Slashing.t.sol',
  },
  {
    name: 'adjudicator-at-once',
    what: 'governance takes stake before its owner can leave',
    file: 'Stake.sol',
    from: 'uint64(block.timestamp) + UNBOND_SECONDS + 1;',
    to: 'uint64(block.timestamp);',
    tests: '{Slashing,Governance}.t.sol',
  },
  {
    name: 'thawing-votes',
    what: 'stake on its way out still votes',
    file: 'Stake.sol',
    from: '_setBonded(node, total - amount);',
    to: '_setBonded(node, total);',
    tests: '{Stake,EconomyInvariants}.t.sol',
  },
  {
    name: 'anything-proposed',
    what: 'governance calls whatever it likes, the liquidity included',
    file: 'SteadGovernor.sol',
    from: 'if (!isAllowed(targets[i], selector)) revert',
    to: 'if (targets[i] == address(this)) revert',
    tests: 'Governance.t.sol',
  },
  {
    name: 'reentrant-payout',
    what: 'a token that calls back is paid twice',
    file: 'Escrow.sol',
    from: `    function payout(address operator) external nonReentrant returns (uint256 amount) {
        amount = owed[operator];
        if (amount == 0) revert NothingOwed(operator);
        owed[operator] = 0;
        emit PaidOut(operator, amount);
        token.safeTransfer(operator, amount);`,
    to: `    function payout(address operator) external returns (uint256 amount) {
        amount = owed[operator];
        if (amount == 0) revert NothingOwed(operator);
        emit PaidOut(operator, amount);
        token.safeTransfer(operator, amount);
        owed[operator] = 0;`,
    tests: 'Escrow{Close,Invariants}.t.sol',
  },
]
