/** Where functions stand in PJRT_Api, counted from the first (xla/pjrt/c/pjrt_c_api.h; places never change, new ones come at the end). */
export const slots = {
  Error_Destroy: 0,
  Error_Message: 1,
  Error_GetCode: 2,
  Plugin_Initialize: 3,
  Event_Destroy: 5,
  Event_Await: 8,
  Client_Create: 10,
  Client_Destroy: 11,
  Client_PlatformName: 12,
  Client_PlatformVersion: 14,
  Client_AddressableDevices: 16,
  Client_Compile: 20,
  Client_BufferFromHostBuffer: 22,
  DeviceDescription_Kind: 26,
  Device_GetDescription: 29,
  Device_MemoryStats: 34,
  Executable_Destroy: 40,
  Executable_NumOutputs: 44,
  Executable_Serialize: 49,
  LoadedExecutable_Destroy: 50,
  LoadedExecutable_GetExecutable: 51,
  LoadedExecutable_Execute: 55,
  Executable_DeserializeAndLoad: 56,
  Buffer_Destroy: 58,
  Buffer_IsDeleted: 68,
  Buffer_ToHostBuffer: 70,
  Buffer_ReadyEvent: 72,
  TopologyDescription_Create: 82,
  Compile: 89,
  Executable_GetCompiledMemoryStats: 96,
} as const
export type Callee = keyof typeof slots

/** Words before the functions: size, extensions, and the version's size, extensions and numbers. */
export const header = 5
/** What these structs were written for and run with. */
export const oldest = { major: 0, minor: 81 }
