#include "agent/hook/event_maker.h"

#include "dcerpc/fault.h"

namespace rpcmarshal::agent {
namespace {

DataRepresentation representation(std::uint32_t label) {
  DataRepresentation drep;
  drep.order = (label & 0xF0) == 0 ? ByteOrder::kBig : ByteOrder::kLittle;
  drep.ebcdic = (label & 0x0F) != 0;
  const std::uint32_t floating = label >> 8 & 0xFF;
  if (floating <= 3) drep.floating = static_cast<DataRepresentation::Float>(floating);
  return drep;
}

void fill(CallHalf& half, const CopiedBytes& bytes, Timestamp time,
          const DataRepresentation& drep) {
  half.present = true;
  half.complete = bytes.whole();
  half.time = time;
  half.drep = drep;
  half.stub = bytes.bytes();
  half.stub_size = bytes.size();
  half.fragments = 1;
}

}  // namespace

Call call_of(const CallRecord& record) {
  const DataRepresentation drep = representation(record.data_representation);
  Call call;
  call.opnum = record.opnum;
  call.interface = record.interface;
  call.transfer_syntax = record.syntax;
  call.bind_seen = true;
  call.object = record.caller.object;
  fill(call.request, record.request, record.time, drep);
  call.auth_service = record.caller.service;
  call.auth_level = record.caller.level;
  call.identity = record.caller.user.get();
  call.connectionless = record.caller.protocol == EventTransport::Protocol::kUdp;
  if (record.exception != 0) {
    call.outcome = is_access_denied(record.exception) ? Outcome::kDenied : Outcome::kFault;
    call.fault_status = record.exception;
    call.response.present = true;
    call.response.time = record.time + record.duration;
  } else if (record.has_reply) {
    call.outcome = Outcome::kReturned;
    // The server's reply is in its own representation, and that is little-endian ASCII IEEE.
    fill(call.response, record.reply, record.time + record.duration, DataRepresentation{});
    call.response.return_only = record.return_only;
  }
  return call;
}

const Event& EventMaker::finished(const CallRecord& record) {
  return build(record, call_of(record));
}

const Event& EventMaker::before(const CallRecord& record) {
  Call call = call_of(record);
  call.response = {};
  call.outcome = Outcome::kNoResponse;
  call.fault_status = 0;
  return build(record, std::move(call));
}

const Event& EventMaker::build(const CallRecord& record, Call call) {
  host_ = {};
  host_.server_pid = process_.pid;
  host_.server_image = process_.image;
  host_.client_pid = record.caller.client_pid;
  if (record.caller.client_image) host_.client_image = *record.caller.client_image;
  context_.protocol = record.caller.protocol;
  context_.client = record.caller.client;
  context_.server = record.caller.server;
  context_.pipe = record.caller.protocol == EventTransport::Protocol::kNamedPipe
                      ? record.caller.endpoint
                      : std::string();
  context_.action = record.verdict.action.decision.empty() ? nullptr : &record.verdict.action;
  context_.host = &host_;
  return builder_.build(call, context_);
}

}  // namespace rpcmarshal::agent
