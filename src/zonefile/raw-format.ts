/**
 * BIND's raw zone files. All numbers are in network order.
 *
 *     header      u32 format = 2 | u32 version, 0 or 1 | u32 time of writing (Unix seconds)
 *     version 1   u32 flags | u32 source serial (of an inline-signed zone's unsigned version) | u32 last transfer in
 *     RRset       u32 octets of all that follows and of this number | u16 class | u16 type | u16 type covered
 *                 u32 TTL | u32 count of records | u16 owner length | owner | for each record: u16 RDATA length | RDATA
 */

export const RAW_FORMAT = 2;
/** BIND's "map" format, the image of a database in memory: refused by name. */
export const MAP_FORMAT = 3;

export const RAW_HEADER_LENGTH = 12;
export const RAW_HEADER_1_LENGTH = 24;

/** Flag: the source serial is set. */
export const RAW_SOURCE_SERIAL = 0x02;

/** Octets of an RRset before its owner. */
export const RAW_RRSET_HEADER_LENGTH = 20;
