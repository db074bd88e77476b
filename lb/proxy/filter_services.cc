// What an exchange does for its filters: time, a thread beside the loop, requests of weir's own.
#include <utility>

#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/subrequest.h"

namespace weir::proxy {
namespace {

class FilterInquiry final : public filter::Inquiry, private SubrequestOwner {
 public:
  explicit FilterInquiry(filter::InquiryOwner& owner) : owner_(owner) {}
  // False: it is nested too deeply.
  bool start(Exchange& parent, std::string_view target) {
    subrequest_ = Subrequest::start(parent, *this, {.target = target});
    return subrequest_ != nullptr;
  }
  int status() const override { return subrequest_->status(); }
  const http::FieldList& fields() const override { return subrequest_->fields(); }

 private:
  void on_subrequest(Subrequest& subrequest) override {
    if (subrequest.is_over()) owner_.on_inquiry_over();
  }
  void on_subrequest_end(const route::VariableSource& variables) override { owner_.on_inquiry_end(variables); }

  filter::InquiryOwner& owner_;
  std::unique_ptr<Subrequest> subrequest_;
};

}  // namespace

MonoMs Exchange::now() const {
  return core_.loop().now();
}

void Exchange::arm(Deadline& deadline, MonoMs due) {
  core_.loop().arm(deadline, due);
}

bool Exchange::run_aside(std::function<void()> work, std::function<void()> done) {
  return core_.side_thread().run(std::move(work), std::move(done));
}

std::unique_ptr<filter::Inquiry> Exchange::inquire(std::string_view target, filter::InquiryOwner& owner) {
  auto inquiry = std::make_unique<FilterInquiry>(owner);
  if (!inquiry->start(*this, target)) return nullptr;
  return inquiry;
}

// They stay with the exchange, whatever location answers in the end.
void Exchange::add_answer_fields(const filter::AnswerField* fields) {
  if (fields == nullptr) return;
  const filter::AnswerField* last = fields;
  if (answer_fields_ == nullptr) {
    answer_fields_ = last;
    return;
  }
  for (const filter::AnswerField* each = answer_fields_; each != nullptr; each = each->next)
    last = arena_.make<filter::AnswerField>(filter::AnswerField{each->name, each->value, last});
  answer_fields_ = last;
}

}  // namespace weir::proxy
