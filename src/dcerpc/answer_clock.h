// Calls that no answer came for, on connections that have gone silent: connections with calls
// waiting stand in one list, by when the oldest of them is due, and advance() tells those whose
// time has come. Internal to dcerpc/ but for its owner.
#pragma once

#include "base/time.h"

namespace rpcmarshal {

class AnswerClock {
 public:
  /// A connection. It leaves the list by itself when it is destroyed.
  class Waiting {
   public:
    Waiting() = default;
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   protected:
    virtual ~Waiting() { leave(); }
    /// Gives up what is due by `now`. Returns when the next is due, or 0 when nothing waits.
    virtual Timestamp overdue(Timestamp now) = 0;

   private:
    friend class AnswerClock;
    void leave() {
      if (!clock_) return;
      (earlier_ ? earlier_->later_ : clock_->first_) = later_;
      (later_ ? later_->earlier_ : clock_->last_) = earlier_;
      clock_ = nullptr;
      earlier_ = later_ = nullptr;
    }
    AnswerClock* clock_ = nullptr;
    Waiting* earlier_ = nullptr;
    Waiting* later_ = nullptr;
    Timestamp due_ = 0;
  };

  AnswerClock() = default;
  ~AnswerClock() {
    while (first_) first_->leave();
  }
  AnswerClock(const AnswerClock&) = delete;
  AnswerClock& operator=(const AnswerClock&) = delete;

  /// `who` has something due at `due`. Does nothing when it waits already.
  void wait(Waiting& who, Timestamp due) {
    if (who.clock_) return;
    who.clock_ = this;
    who.due_ = due;
    // All wait equally long, so the place is nearly always at the end.
    Waiting* before = last_;
    while (before && before->due_ > due) before = before->earlier_;
    who.earlier_ = before;
    who.later_ = before ? before->later_ : first_;
    (before ? before->later_ : first_) = &who;
    (who.later_ ? who.later_->earlier_ : last_) = &who;
  }
  void advance(Timestamp now) {
    while (first_ && first_->due_ <= now) {
      Waiting& who = *first_;
      who.leave();
      if (const Timestamp next = who.overdue(now); next != 0) wait(who, next);
    }
  }

 private:
  Waiting* first_ = nullptr;
  Waiting* last_ = nullptr;
};

}  // namespace rpcmarshal
