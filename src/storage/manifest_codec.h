// Edits as numbered fields.
#pragma once

#include "base/fields.h"
#include "storage/manifest.h"

namespace millrace {

FieldWriter encode_edit(const ManifestEdit& edit);
// Nothing when the bytes are damaged.
std::optional<ManifestEdit> decode_edit(ByteView bytes);
ManifestEdit edit_of_everything(const ManifestState& state);
void apply_edit(ManifestState& state, const ManifestEdit& edit);

}  // namespace millrace
