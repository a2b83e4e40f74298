/** Names under which {@link engineGlue} and the engine see each other while they are merged into one module. */
export const glueNames = { engine: 'engine', glue: 'env' } as const

/** What {@link engineGlue} adds for the time of the build: cells that are filled then and are part of the snapshot. */
export const glueGlobals = {
  /** Address of the engine's one JSContext. */
  context: 'stead_context',
  /** Address of the 64-bit state of Math.random. */
  randomState: 'stead_random_state',
  /** The guest library's `start` and `finish`, as the engine's 64-bit values. */
  start: 'stead_start_function',
  finish: 'stead_finish_function',
  /** The value `undefined`. */
  undefined: 'stead_undefined',
} as const

/** Host functions that the guest library finds on its natives object; host_call tells them apart by their first letter. */
export const nativeNames = ['args', 'decode', 'encode', 'input', 'random', 'write'] as const

/**
 * The WebAssembly between WASI and the engine, in its text format: `_start`, and what the engine imports from its host.
 * Values of JavaScript are 64 bits (NaN-boxed, tag in the upper half); host_call gets addresses of such values and
 * returns one from malloc, or 0 for an exception. What cannot be done for lack of memory traps, which the sandbox tells
 * as the memory limit that was reached.
 */
export const engineGlue: string = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "engine" "memory" (memory 0))
  (import "engine" "__stack_pointer" (global $stack_pointer (mut i32)))
  (import "engine" "malloc" (func $malloc (param i32) (result i32)))
  (import "engine" "realloc" (func $realloc (param i32 i32) (result i32)))
  (import "engine" "free" (func $free (param i32)))
  (import "engine" "JS_GetRuntime" (func $get_runtime (param i32) (result i32)))
  (import "engine" "JS_Call" (func $call (param i32 i64 i64 i32 i32) (result i64)))
  (import "engine" "JS_ExecutePendingJob" (func $execute_pending_job (param i32 i32) (result i32)))
  (import "engine" "JS_ToInt32" (func $to_int32 (param i32 i32 i64) (result i32)))
  (import "engine" "JS_NewStringLen" (func $new_string (param i32 i32 i32) (result i64)))
  (import "engine" "JS_ToCStringLen2" (func $to_utf8 (param i32 i32 i64 i32) (result i32)))
  (import "engine" "JS_FreeCString" (func $free_utf8 (param i32 i32)))
  (import "engine" "JS_GetUint8Array" (func $get_bytes (param i32 i32 i64) (result i32)))
  (import "engine" "JS_NewUint8ArrayCopy" (func $new_bytes (param i32 i32 i32) (result i64)))
  (global $context (export "${glueGlobals.context}") (mut i32) (i32.const 0))
  (global $random_state (export "${glueGlobals.randomState}") (mut i32) (i32.const 0))
  (global $start (export "${glueGlobals.start}") (mut i64) (i64.const 0))
  (global $finish (export "${glueGlobals.finish}") (mut i64) (i64.const 0))
  (global $undefined (export "${glueGlobals.undefined}") (mut i64) (i64.const 0))

  ;; Guests live in UTC.
  (func (export "host_get_timezone_offset") (param i32 i32) (result i32) (i32.const 0))
  ;; Asked only during the build, whose host ends a top level that takes too long.
  (func (export "host_interrupt") (result i32) (call $sched_yield))
  ;; These three are called only after a handler was registered, which nobody does.
  (func (export "host_promise_rejection") (param i32 i32 i32) (unreachable))
  (func (export "host_module_normalize") (param i32 i32) (result i32) (unreachable))
  (func (export "host_module_load") (param i32 i32) (result i32) (unreachable))

  (func $check (param $errno i32) (if (local.get $errno) (then (unreachable))))
  (func $is_exception (param $value i64) (result i32)
    (i64.eq (i64.shr_u (local.get $value) (i64.const 32)) (i64.const 6)))
  (func $allocate (param $size i32) (result i32) (local $address i32)
    (if (i32.eqz (local.tee $address (call $malloc (local.get $size)))) (then (unreachable)))
    (local.get $address))
  ;; 16 bytes of the C stack, for results that come through memory.
  (func $enter (result i32)
    (global.set $stack_pointer (i32.sub (global.get $stack_pointer) (i32.const 16)))
    (global.get $stack_pointer))
  (func $leave (global.set $stack_pointer (i32.add (global.get $stack_pointer) (i32.const 16))))

  (func $write (param $fd i32) (param $bytes i64) (local $cell i32) (local $from i32) (local $left i32)
    (local.set $cell (call $enter))
    (local.set $from (call $get_bytes (global.get $context) (local.get $cell) (local.get $bytes)))
    (local.set $left (i32.load (local.get $cell)))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store (local.get $cell) (local.get $from))
        (i32.store offset=4 (local.get $cell) (local.get $left))
        (call $check (call $fd_write (local.get $fd) (local.get $cell) (i32.const 1)
          (i32.add (local.get $cell) (i32.const 8))))
        (local.set $from (i32.add (local.get $from) (i32.load offset=8 (local.get $cell))))
        (local.set $left (i32.sub (local.get $left) (i32.load offset=8 (local.get $cell))))
        (br $more)))
    (call $leave))

  (func $input (result i64)
    (local $cell i32) (local $buffer i32) (local $length i32) (local $capacity i32) (local $value i64)
    (local.set $cell (call $enter))
    (local.set $capacity (i32.const 16384))
    (local.set $buffer (call $allocate (local.get $capacity)))
    (block $done
      (loop $more
        (if (i32.eq (local.get $length) (local.get $capacity))
          (then
            (local.set $capacity (i32.shl (local.get $capacity) (i32.const 1)))
            (local.set $buffer (call $realloc (local.get $buffer) (local.get $capacity)))
            (if (i32.eqz (local.get $buffer)) (then (unreachable)))))
        (i32.store (local.get $cell) (i32.add (local.get $buffer) (local.get $length)))
        (i32.store offset=4 (local.get $cell) (i32.sub (local.get $capacity) (local.get $length)))
        (call $check (call $fd_read (i32.const 0) (local.get $cell) (i32.const 1)
          (i32.add (local.get $cell) (i32.const 8))))
        (br_if $done (i32.eqz (i32.load offset=8 (local.get $cell))))
        (local.set $length (i32.add (local.get $length) (i32.load offset=8 (local.get $cell))))
        (br $more)))
    (local.set $value (call $new_bytes (global.get $context) (local.get $buffer) (local.get $length)))
    (call $free (local.get $buffer))
    (call $leave)
    (local.get $value))

  ;; All arguments, each with its final NUL, the program's name first.
  (func $args (result i64) (local $cell i32) (local $buffer i32) (local $text i32) (local $value i64)
    (local.set $cell (call $enter))
    (call $check (call $args_sizes_get (local.get $cell) (i32.add (local.get $cell) (i32.const 4))))
    (local.set $buffer (call $allocate
      (i32.add (i32.shl (i32.load (local.get $cell)) (i32.const 2)) (i32.load offset=4 (local.get $cell)))))
    (local.set $text (i32.add (local.get $buffer) (i32.shl (i32.load (local.get $cell)) (i32.const 2))))
    (call $check (call $args_get (local.get $buffer) (local.get $text)))
    (local.set $value (call $new_bytes (global.get $context) (local.get $text) (i32.load offset=4 (local.get $cell))))
    (call $free (local.get $buffer))
    (call $leave)
    (local.get $value))

  (func $random (param $bytes i64) (local $cell i32) (local $at i32)
    (local.set $cell (call $enter))
    (local.set $at (call $get_bytes (global.get $context) (local.get $cell) (local.get $bytes)))
    (call $check (call $random_get (local.get $at) (i32.load (local.get $cell))))
    (call $leave))

  (func $decode (param $bytes i64) (result i64) (local $cell i32) (local $at i32)
    (local.set $cell (call $enter))
    (local.set $at (call $get_bytes (global.get $context) (local.get $cell) (local.get $bytes)))
    (call $new_string (global.get $context) (local.get $at) (i32.load (local.get $cell)))
    (call $leave))

  (func $encode (param $text i64) (result i64) (local $cell i32) (local $at i32) (local $value i64)
    (local.set $cell (call $enter))
    (local.set $at (call $to_utf8 (global.get $context) (local.get $cell) (local.get $text) (i32.const 0)))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    (local.set $value (call $new_bytes (global.get $context) (local.get $at) (i32.load (local.get $cell))))
    (call $free_utf8 (global.get $context) (local.get $at))
    (call $leave)
    (local.get $value))

  ;; The argument at a place of argv, an array of addresses of values.
  (func $argument (param $argv i32) (param $index i32) (result i64)
    (i64.load (i32.load (i32.add (local.get $argv) (i32.shl (local.get $index) (i32.const 2))))))

  (func (export "host_call")
    (param $name i32) (param $name_length i32) (param $this i32) (param $argc i32) (param $argv i32) (result i32)
    (local $letter i32) (local $value i64) (local $result i32)
    (local.set $letter (i32.load8_u (local.get $name)))
    (local.set $value (global.get $undefined))
    (block $done
      (if (i32.eq (local.get $letter) (i32.const 97)) (then (local.set $value (call $args)) (br $done)))
      (if (i32.eq (local.get $letter) (i32.const 100))
        (then (local.set $value (call $decode (call $argument (local.get $argv) (i32.const 0)))) (br $done)))
      (if (i32.eq (local.get $letter) (i32.const 101))
        (then (local.set $value (call $encode (call $argument (local.get $argv) (i32.const 0)))) (br $done)))
      (if (i32.eq (local.get $letter) (i32.const 105)) (then (local.set $value (call $input)) (br $done)))
      (if (i32.eq (local.get $letter) (i32.const 114))
        (then (call $random (call $argument (local.get $argv) (i32.const 0))) (br $done)))
      (if (i32.eq (local.get $letter) (i32.const 119))
        (then
          (call $write
            (i32.wrap_i64 (call $argument (local.get $argv) (i32.const 0)))
            (call $argument (local.get $argv) (i32.const 1)))
          (br $done)))
      (unreachable))
    (if (call $is_exception (local.get $value)) (then (return (i32.const 0))))
    (local.set $result (call $allocate (i32.const 8)))
    (i64.store (local.get $result) (local.get $value))
    (local.get $result))

  (func $call_plain (param $function i64) (result i64) (local $value i64)
    (local.set $value (call $call
      (global.get $context) (local.get $function) (global.get $undefined) (i32.const 0) (i32.const 0)))
    ;; The guest library catches what can be caught.
    (if (call $is_exception (local.get $value)) (then (unreachable)))
    (local.get $value))

  (func (export "_start") (local $cell i32) (local $exit_code i32)
    (local.set $cell (call $enter))
    ;; The state must not be zero.
    (call $check (call $random_get (global.get $random_state) (i32.const 8)))
    (i64.store (global.get $random_state) (i64.or (i64.load (global.get $random_state)) (i64.const 1)))
    (drop (call $call_plain (global.get $start)))
    (loop $more
      (br_if $more (call $execute_pending_job (call $get_runtime (global.get $context)) (local.get $cell))))
    (call $check
      (call $to_int32 (global.get $context) (local.get $cell) (call $call_plain (global.get $finish))))
    (local.set $exit_code (i32.load (local.get $cell)))
    (call $leave)
    (if (local.get $exit_code) (then (call $proc_exit (local.get $exit_code)))))
)
`
