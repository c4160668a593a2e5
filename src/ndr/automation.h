// Types whose wire form no IDL in an interface's file declares: ORPC headers ([MS-DCOM] 2.2.13) and
// what stands for BSTR, VARIANT and SAFEARRAY ([MS-OAUT] 2.2). Built once, in the normal form of
// interface/model.h, and shared by all programs.
#pragma once

#include "interface/model.h"

namespace rpcmarshal::ndr {

struct AutomationTypes {
  const Type* orpcthis;        ///< struct ORPCTHIS
  const Type* orpcthat;        ///< struct ORPCTHAT
  const Type* bstr;            ///< unique pointer to FLAGGED_WORD_BLOB
  const Type* word_blob;       ///< FLAGGED_WORD_BLOB
  const Type* variant;         ///< unique pointer to wireVARIANT
  const Type* variant_body;    ///< struct _wireVARIANT
  const Type* safearray;       ///< unique pointer to wireSAFEARRAY
  const Type* interface_body;  ///< MInterfacePointer
};

/// Thread-safe; lives for the program.
const AutomationTypes& automation_types();

/// Field of `variant_body` that is the union of contents, and the one that is its VARTYPE.
inline constexpr std::size_t kVariantTypeField = 2;
inline constexpr std::size_t kVariantUnionField = 6;

}  // namespace rpcmarshal::ndr
