#include "bw/protocol.hpp"
#include "members.hpp"

namespace bw {
namespace {

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

JsonObject& JsonObject::add(std::string_view name, std::string_view value) {
    if (!members_.empty()) members_ += ',';
    members_.append(dumped(name)).append(":").append(value);
    return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
    return add(name, dumped(value));
}

JsonObject& JsonObject::number(std::string_view name, std::uint64_t value) {
    return add(name, std::to_string(value));
}

JsonObject& JsonObject::number(std::string_view name, double value) { return add(name, dumped(value)); }

JsonObject& JsonObject::flag(std::string_view name, bool value) {
    return add(name, value ? "true" : "false");
}

JsonObject& JsonObject::texts(std::string_view name, const std::vector<std::string>& values) {
    return add(name, dumped(values));
}

JsonObject& JsonObject::object(std::string_view name, const JsonObject& value) {
    return add(name, value.str());
}

JsonObject& JsonObject::objects(std::string_view name, const std::vector<JsonObject>& values) {
    std::string list;
    for (const JsonObject& value : values) list.append(list.empty() ? "" : ",").append(value.str());
    return add(name, "[" + list + "]");
}

}  // namespace bw
