// Errors of input and environment are values; nothing throws across a file boundary.
// The floor is gcc 12 / clang 14, which have no <expected>.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace anonvma {

enum class ErrorCode {
  usage,          // the command line is wrong
  no_privilege,   // root or a capability is missing
  not_supported,  // this kernel or this build cannot do it
  bad_trace,      // the file is no trace, is damaged, or is newer than this reader
  io,             // open, read or write failed
  interrupted,
};

// A lower-case sentence without a final dot. It names the file where there is one, and the
// next step where there is one. `offset` is a byte offset into the input, or kNoOffset.
struct Error {
  static constexpr std::uint64_t kNoOffset = ~0ull;
  ErrorCode code = ErrorCode::io;
  std::string message;
  std::uint64_t offset = kNoOffset;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return value(); }
  const T& operator*() const { return const_cast<Result*>(this)->value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &const_cast<Result*>(this)->value(); }

  T& value() {
    assert(*this);
    return *std::get_if<0>(&state_);
  }
  const Error& error() const {
    assert(!*this);
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<std::monostate>;
inline Status ok() { return std::monostate{}; }

}  // namespace anonvma
