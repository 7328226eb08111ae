#include "wsserve/fanout/type_filter.h"

#include <algorithm>
#include <iterator>

namespace wskit::server {
namespace {

using Types = std::vector<std::string>;

Types united(const Types& a, const Types& b) {
  Types out;
  std::ranges::set_union(a, b, std::back_inserter(out));
  return out;
}

Types common(const Types& a, const Types& b) {
  Types out;
  std::ranges::set_intersection(a, b, std::back_inserter(out));
  return out;
}

Types minus(const Types& a, const Types& b) {
  Types out;
  std::ranges::set_difference(a, b, std::back_inserter(out));
  return out;
}

Types sorted(std::span<const std::string_view> types) {
  Types out(types.begin(), types.end());
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

TypeFilter::TypeFilter(bool all_but, std::vector<std::string> types)
    : all_but_(all_but), types_(std::move(types)) {
  std::ranges::sort(types_);
  types_.erase(std::unique(types_.begin(), types_.end()), types_.end());
}

TypeFilterPtr TypeFilter::make(bool all_but, std::vector<std::string> types) {
  if (all_but && types.empty()) return nullptr;
  return TypeFilterPtr(new TypeFilter(all_but, std::move(types)));
}

TypeFilterPtr TypeFilter::only(std::vector<std::string> types) { return make(false, std::move(types)); }

TypeFilterPtr TypeFilter::without(const TypeFilterPtr& filter, std::span<const std::string_view> types) {
  if (filter == nullptr) return make(true, sorted(types));
  if (filter->all_but_) return make(true, united(filter->types_, sorted(types)));
  return make(false, minus(filter->types_, sorted(types)));
}

TypeFilterPtr TypeFilter::either(const TypeFilterPtr& a, const TypeFilterPtr& b) {
  if (a == nullptr || b == nullptr) return nullptr;
  if (a->all_but_ && b->all_but_) return make(true, common(a->types_, b->types_));
  if (a->all_but_) return make(true, minus(a->types_, b->types_));
  if (b->all_but_) return make(true, minus(b->types_, a->types_));
  return make(false, united(a->types_, b->types_));
}

bool TypeFilter::passes(std::string_view type) const {
  return std::ranges::binary_search(types_, type, std::less<>()) != all_but_;
}

}  // namespace wskit::server
