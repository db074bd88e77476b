// Doubly linked list whose nodes live in their owners; a node unlinks itself when it dies.
#pragma once
#include <cstddef>

namespace weir {

class ListNode {
 public:
  ListNode() = default;
  ~ListNode() { unlink(); }
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

// T derives from ListNode. The list owns nothing.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() { root_.next_ = root_.prev_ = &root_; }
  ~IntrusiveList() {
    while (!empty()) root_.next_->unlink();
    root_.next_ = root_.prev_ = nullptr;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  bool empty() const { return root_.next_ == &root_; }
  void push_front(T& node) { insert_after(&root_, &node); }
  void push_back(T& node) {
    static_cast<ListNode&>(node).unlink();  // first: it may be the last one here
    insert_after(root_.prev_, &node);
  }
  T* front() { return empty() ? nullptr : static_cast<T*>(root_.next_); }
  T* back() { return empty() ? nullptr : static_cast<T*>(root_.prev_); }
  // Takes everything out of `other` in one splice, so that a list can be walked while callbacks change it.
  void take_all(IntrusiveList& other) {
    if (&other == this || other.empty()) return;
    ListNode& from = other.root_;
    from.next_->prev_ = root_.prev_;
    root_.prev_->next_ = from.next_;
    from.prev_->next_ = &root_;
    root_.prev_ = from.prev_;
    from.next_ = from.prev_ = &from;
  }
  // O(n).
  size_t count() const {
    size_t n = 0;
    for (const ListNode* at = root_.next_; at != &root_; at = at->next_) ++n;
    return n;
  }
  // The callback may unlink or destroy the node it is given, but no other.
  template <class Fn>
  void for_each(Fn&& fn) {
    for (ListNode* at = root_.next_; at != &root_;) {
      ListNode* next = at->next_;
      fn(*static_cast<T*>(at));
      at = next;
    }
  }

 private:
  static void insert_after(ListNode* where, ListNode* node) {
    node->unlink();
    node->prev_ = where;
    node->next_ = where->next_;
    where->next_->prev_ = node;
    where->next_ = node;
  }
  ListNode root_;
};

}  // namespace weir
