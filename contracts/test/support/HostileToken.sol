// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice A token that can keep a part of each transfer, say no without reverting, or call back in mid-transfer.
contract HostileToken is ERC20Burnable, ERC3009 {
    uint8 private immutable _decimals;
    uint256 public keepsBps;
    bool public refuses;

    address private _target;
    bytes[] private _calls;
    uint256 public callsMade;
    uint256 public callsSucceeded;

    constructor(uint8 decimals_) ERC20("Hostile", "HOST") EIP712("Hostile", "1") {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function keep(uint256 bps) external {
        keepsBps = bps;
    }

    function refuse(bool yes) external {
        refuses = yes;
    }

    /// @notice Makes the next transfer call `target` with each of `calls`, once.
    function arm(address target, bytes[] calldata calls) external {
        _target = target;
        delete _calls;
        for (uint256 i = 0; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
    }

    function approveFromHere(address spender, uint256 amount) external {
        _approve(address(this), spender, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        uint256 kept = (amount * keepsBps) / 10_000;
        super._update(from, to, amount - kept);
        if (kept > 0) super._update(from, address(this), kept);
        _callBack();
    }

    function _callBack() private {
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool succeeded,) = target.call(_calls[i]);
            ++callsMade;
            if (succeeded) ++callsSucceeded;
        }
    }
}
