// Result<T, E>: std::expected's shape (C++23) for gcc 12. Errors are values; nothing below config/ throws.
#pragma once
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir {

template <class E>
struct Unexpected {
  E error;
};
template <class E>
Unexpected(E) -> Unexpected<E>;

template <class T, class E = std::string>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: like std::expected
  template <class U>
  requires std::is_constructible_v<E, U&&> Result(Unexpected<U> error)
      : state_(std::in_place_index<1>, std::move(error.error)) {}  // NOLINT
  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  E& error() { return *std::get_if<1>(&state_); }
  const E& error() const { return *std::get_if<1>(&state_); }
  T value_or(T other) const { return has_value() ? std::get<0>(state_) : std::move(other); }

 private:
  std::variant<T, E> state_;
};

struct Void {};
template <class E = std::string>
using Status = Result<Void, E>;

}  // namespace weir
