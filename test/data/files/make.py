"""Writes small images of many formats, types and contents beside itself, and cases.json: what each is to be read as.

    pip install numpy pillow tifffile imagecodecs pydicom nibabel
    python make.py

Written with numpy 2.4, Pillow 12.3, tifffile 2026.7, pydicom 3.0, nibabel 5.4. The scene is 13 x 9 pixels, not symmetric, so that a turned or
mirrored reading is seen.
"""
import json
import os

import nibabel
import numpy as np
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

here = os.path.dirname(os.path.abspath(__file__))
W, H = 13, 9
y, x = np.mgrid[0:H, 0:W]
scene = ((x * 19 + y * 3) * 255 // (12 * 19 + 8 * 3)).astype("uint8")
scene[0, 0], scene[8, 12] = 0, 255
colour = np.stack([scene, 255 - scene, scene // 2], -1)
cases = []


def at(name):
    return os.path.join(here, name)


def case(name, expected=None, *, code=None, off=0, window=None, labels=None, spacing=None, says=None):
    """`expected`: bytes of the image, or `code`: why it is refused; `off`: how far they may lie apart (lossy)."""
    entry = {"file": name}
    if window is not None:
        entry["window"] = window
    if code is not None:
        entry["code"] = code
    if says is not None:
        entry["says"] = says
    if expected is not None:
        expected = np.asarray(expected)
        entry |= {"width": expected.shape[1], "height": expected.shape[0], "channels": 3 if expected.ndim == 3 else 1}
        entry |= {"values": expected.ravel().tolist(), "off": off}
    if labels is not None:
        entry["labels"] = np.asarray(labels).ravel().tolist()
    if spacing is not None:
        entry["spacing"] = spacing
    cases.append(entry)


def to8(values, low, high):
    return np.floor(np.clip((values.astype("float64") - low) * 255 / (high - low), 0, 255) + 0.5).astype("uint8")


# --- What 16 bits hold, in each format that has them -------------------------------------------------------------------------------------------
s16 = scene.astype("uint16")
contents = {
    "8of16": (s16, scene, None),  # 0...255
    "10of16": (s16 * 4 + 3, to8(s16 * 4 + 3, 0, 1023), None),
    "12of16": (s16 * 16 + 15, to8(s16 * 16 + 15, 0, 4095), None),
    "14of16": (s16 * 64 + 1, to8(s16 * 64 + 1, 0, 16383), None),
    "16of16": (s16 * 257, scene, None),
    "shifted": (s16 * 256, scene, None),
    "left12": (s16 * 16 * 16 + 16, to8(s16 * 256 + 16, 0, 65535), None),
    "dark12": (s16 * 6, to8(s16 * 6, 0, 4095), "HS4209"),  # up to 1530: of 11 bits, or dark
    "none": (s16 // 64, to8(s16 // 64, 0, 255), "HS4209"),  # 0...3
    "black": (s16 * 0, scene * 0, None),
}
for name, (values, expected, code) in contents.items():
    writers = {
        f"{name}.png": lambda p, v: Image.fromarray(v).save(p),
        f"{name}.tif": lambda p, v: tifffile.imwrite(p, v, compression="zlib"),
        f"{name}-white.tif": lambda p, v: tifffile.imwrite(p, v, photometric="miniswhite", compression="zlib"),
        f"{name}.nii": lambda p, v: nibabel.Nifti1Image(v.T.copy(), np.diag([-1, -1, 1, 1])).to_filename(p),
        f"{name}.nii.gz": lambda p, v: nibabel.Nifti1Image(v.T[:, :, None].copy(), np.diag([-1, -1, 1, 1])).to_filename(p),
    }
    for file, write in writers.items():
        write(at(file), values)
        right = 255 - expected if "-white" in file else expected
        if code is None:
            case(file, right)
        else:
            case(file, code=code)
            window = {"dark12": "0,4095", "none": "0,255"}[name]
            case(file, right, window=window)

# --- Other types --------------------------------------------------------------------------------------------------------------------------------
signed = s16.astype("int16") * 12 - 100
for file in ["signed.tif", "signed.nii"]:
    if file.endswith("tif"):
        tifffile.imwrite(at(file), signed)
    else:
        nibabel.Nifti1Image(signed.T.copy(), np.eye(4)).to_filename(at(file))
    case(file, code="HS4209")
    case(file, to8(signed, -100, 2960), window="-100,2960")
    case(file, to8(signed, -100, 2960), window="image")
unit = (scene / 255).astype("float32")
for kind, values, expected, code in [
    ("unit", unit, scene, None),
    ("wide", (scene + 0.25 * (x % 2)).astype("float32"), to8(scene + 0.25 * (x % 2), 0, 255), None),
    ("whole", scene.astype("float32"), scene, None),
    ("signedfloat", unit - 0.5, None, "HS4209"),
    ("nan", np.where(x == 3, np.nan, unit).astype("float32"), None, "HS4209"),
]:
    tifffile.imwrite(at(f"{kind}.tif"), values)
    nibabel.Nifti1Image(values.T.copy(), np.eye(4)).to_filename(at(f"{kind}.nii"))
    for ending in ["tif", "nii"]:
        case(f"{kind}.{ending}", expected, code=code)
for dtype in ["int8", "uint32", "int32"]:
    values = (scene // 2 if dtype == "int8" else scene).astype(dtype)
    tifffile.imwrite(at(f"{dtype}.tif"), values)
    case(f"{dtype}.tif", values)
tifffile.imwrite(at("float64.tif"), unit.astype("float64"))
case("float64.tif", code="HS4208", says="64-bit")
nibabel.Nifti1Image(unit.astype("float64").T.copy(), np.eye(4)).to_filename(at("float64.nii"))
case("float64.nii", scene)
tifffile.imwrite(at("rgb16.tif"), colour.astype("uint16") * 16 + 15, photometric="rgb")
case("rgb16.tif", to8(colour.astype("uint16") * 16 + 15, 0, 4095))
tifffile.imwrite(at("planar.tif"), np.moveaxis(colour, -1, 0).copy(), photometric="rgb", planarconfig="separate")
case("planar.tif", colour)
tifffile.imwrite(at("five.tif"), np.stack([scene] * 5, -1), photometric="minisblack", planarconfig="contig")
case("five.tif", code="HS4208", says="5 channels")
tifffile.imwrite(at("says12.tif"), s16 * 9, extratags=[(281, "H", 1, 4095, True)])
case("says12.tif", to8(s16 * 9, 0, 4095))
tifffile.imwrite(at("imagej.tif"), s16 * 9, imagej=True, metadata={"min": 0.0, "max": 3000.0})
case("imagej.tif", to8(s16 * 9, 0, 3000))
big = scene.astype(">u2") * 257
tifffile.imwrite(at("bigendian.tif"), big, byteorder=">")
case("bigendian.tif", scene)

# --- Several images in a file ---------------------------------------------------------------------------------------------------------------------
tifffile.imwrite(at("pages.tif"), np.stack([scene, scene]), photometric="minisblack")
case("pages.tif", code="HS4210", says="2 images")
tifffile.imwrite(at("stack.tif"), np.stack([scene] * 3), imagej=True)
case("stack.tif", code="HS4210", says="3 images")
with tifffile.TiffWriter(at("thumbnail.tif")) as out:
    out.write(scene, photometric="minisblack")
    out.write(scene[::2, ::2], photometric="minisblack", subfiletype=1)
case("thumbnail.tif", scene)
frames = [Image.fromarray(scene), Image.fromarray(255 - scene)]
for ending in ["gif", "webp", "png"]:
    frames[0].save(at(f"frames.{ending}"), save_all=True, append_images=frames[1:], **({"lossless": True} if ending == "webp" else {}))
    case(f"frames.{ending}", code="HS4210", says="2 images")
nibabel.Nifti1Image(np.stack([scene.T] * 4, -1), np.eye(4)).to_filename(at("volume.nii.gz"))
case("volume.nii.gz", code="HS4210", says="4 images")

# --- 8 bits and fewer, palettes, orientation -------------------------------------------------------------------------------------------------------
bits = scene > 127
for ending in ["png", "bmp", "gif", "webp", "tif"]:
    Image.fromarray(scene).save(at(f"grey.{ending}"), **({"lossless": True} if ending == "webp" else {}))
    case(f"grey.{ending}", scene)
    if ending != "gif":
        Image.fromarray(colour).save(at(f"colour.{ending}"), **({"lossless": True} if ending == "webp" else {}))
        case(f"colour.{ending}", colour)
    if ending == "bmp":
        Image.fromarray(np.dstack([colour, scene])).save(at("alpha.bmp"))
        case("alpha.bmp", colour)
    if ending in ["png", "bmp", "tif"]:
        Image.fromarray(bits).save(at(f"bits.{ending}"))
        case(f"bits.{ending}", bits * np.uint8(255))
Image.fromarray(scene).save(at("grey.jpg"), quality=95)
case("grey.jpg", scene, off=12)
Image.fromarray(scene).save(at("named.png.jpg"), format="PNG")
case("named.png.jpg", scene)
palette = Image.fromarray((scene // 64).astype("uint8"))
palette = palette.convert("P")
palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
table = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], "uint8")
for ending in ["png", "bmp", "tif"]:
    palette.save(at(f"palette.{ending}"))
    case(f"palette.{ending}", table[scene // 64], labels=scene // 64)
for orientation in range(2, 9):
    image = Image.fromarray(scene)
    exif = Image.Exif()
    exif[274] = orientation
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }[orientation]
    expected = np.asarray(image.transpose(turn))
    image.save(at(f"turned{orientation}.png"), exif=exif)
    case(f"turned{orientation}.png", expected, labels=expected)
    image.save(at(f"turned{orientation}.jpg"), exif=exif, quality=95)
    case(f"turned{orientation}.jpg", expected, off=12)
    tifffile.imwrite(at(f"turned{orientation}.tif"), scene, extratags=[(274, "H", 1, orientation, True)])
    case(f"turned{orientation}.tif", expected)
Image.fromarray((scene > 127).astype("uint8")).save(at("mask.png"))
case("mask.png", code="HS4209", labels=scene > 127)
case("mask.png", (scene > 127) * np.uint8(255), window="0,1")

# --- Numbers of 64 bits, compressions and colours of TIFF -----------------------------------------------------------------------------------------
tifffile.imwrite(at("big.tif"), s16 * 4, bigtiff=True)
case("big.tif", to8(s16 * 4, 0, 1023))
tifffile.imwrite(at("big-signed.tif"), s16.astype("int16") * 4 - 100, bigtiff=True)
case("big-signed.tif", code="HS4209", labels=s16.astype("int16") * 4 - 100)
tifffile.imwrite(at("big-palette.tif"), scene // 64, bigtiff=True, photometric="palette", colormap=np.repeat(np.pad(table, ((0, 252), (0, 0))).T, 1, 0).astype("uint16") * 257)
case("big-palette.tif", table[scene // 64], labels=scene // 64)
for compression, name in [("zstd", "Zstandard"), ("lerc", "LERC"), ("jpeg2000", "JPEG 2000"), ("lzma", "LZMA")]:
    tifffile.imwrite(at(f"{compression}.tif"), scene, compression=compression)
    case(f"{compression}.tif", code="HS4208", says=f"a TIFF with {name} inside")
tifffile.imwrite(at("lab.tif"), colour, photometric="cielab")
case("lab.tif", code="HS4208", says="a TIFF of CIE Lab colours")
tifffile.imwrite(at("half.tif"), (scene / 255).astype("float16"))
case("half.tif", code="HS4208", says="16-bit floating-point")
tifffile.imwrite(at("tiled.tif"), colour, tile=(16, 16), photometric="rgb")
case("tiled.tif", colour)
tifffile.imwrite(at("predicted.tif"), (scene / 255).astype("float32"), predictor=3, compression="zlib")
case("predicted.tif", scene)
tifffile.imwrite(at("predicted-tiles.tif"), np.tile(scene, (4, 4)), tile=(16, 16), predictor=2, compression="lzw")
case("predicted-tiles.tif", np.tile(scene, (4, 4)))
for compression in ["group3", "group4"]:
    Image.fromarray(bits).save(at(f"{compression}.tif"), compression=compression)
    case(f"{compression}.tif", bits * np.uint8(255))

# --- Formats that are not read, by name ------------------------------------------------------------------------------------------------------------
for ending, name in [("jp2", "JPEG 2000"), ("avif", "AVIF"), ("ppm", "PNM")]:
    Image.fromarray(colour).save(at(f"other.{ending}"))
    case(f"other.{ending}", code="HS4208", says=name)
np.save(at("other.npy"), scene)
case("other.npy", code="HS4208", says="NumPy")
with open(at("other.mha"), "wb") as out:
    out.write(b"ObjectType = Image\nNDims = 2\nDimSize = 13 9\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n" + scene.tobytes())
case("other.mha", code="HS4208", says="MetaImage")


# --- DICOM -------------------------------------------------------------------------------------------------------------------------------------------
def dicom(name, pixels, syntax=ExplicitVRLittleEndian, **tags):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    meta.TransferSyntaxUID = syntax
    data = FileDataset(at(name), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientID, data.Rows, data.Columns = "US", "P01", H, W
    data.SamplesPerPixel = 3 if pixels.ndim == 3 and pixels.shape[-1] == 3 else 1
    data.PhotometricInterpretation = "RGB" if data.SamplesPerPixel == 3 else "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    for tag, value in tags.items():
        setattr(data, tag, value)
    data.HighBit = data.BitsStored - 1
    if syntax == ExplicitVRBigEndian:
        pixels = pixels.astype(pixels.dtype.newbyteorder(">"))
    raw = pixels.tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    if syntax == RLELossless:
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.compress(RLELossless)
    if syntax == ExplicitVRBigEndian:
        pydicom.dcmwrite(at(name), data, little_endian=False, implicit_vr=False, force_encoding=True)
    else:
        data.save_as(at(name), enforce_file_format=True)
    return data


for name, syntax in [("implicit", ImplicitVRLittleEndian), ("explicit", ExplicitVRLittleEndian), ("big", ExplicitVRBigEndian), ("rle", RLELossless)]:
    dicom(f"{name}8.dcm", scene, syntax)
    case(f"{name}8.dcm", scene)
    dicom(f"{name}12.dcm", s16 * 16 + 15, syntax, BitsStored=12)
    case(f"{name}12.dcm", to8(s16 * 16 + 15, 0, 4095))
    dicom(f"{name}-rgb.dcm", colour, syntax)
    case(f"{name}-rgb.dcm", colour)
dicom("inverse.dcm", 255 - scene, PhotometricInterpretation="MONOCHROME1")
case("inverse.dcm", scene)
dicom("window.dcm", s16 * 10, BitsStored=12, WindowCenter="1024", WindowWidth="2048")
case("window.dcm", to8(s16 * 10, 1023.5 - 1023.5, 1023.5 + 1023.5))
dicom("rescaled.dcm", s16, BitsStored=16, RescaleSlope="2", RescaleIntercept="-100", WindowCenter="155.5", WindowWidth="511")
case("rescaled.dcm", to8(s16 * 2.0 - 100, -100, 410))
dicom("sixteen.dcm", s16, BitsStored=16)
case("sixteen.dcm", scene)
dicom("dark.dcm", s16 // 2, BitsStored=12)
case("dark.dcm", code="HS4209")
case("dark.dcm", scene // 2, window="0,255")
dicom("signed.dcm", signed)
case("signed.dcm", code="HS4209")
planes = np.moveaxis(colour, -1, 0).copy()
dicom("planes.dcm", planes, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=1)
case("planes.dcm", colour)
ybr = np.asarray(Image.fromarray(colour).convert("YCbCr"))
dicom("ybr.dcm", ybr, PhotometricInterpretation="YBR_FULL")
case("ybr.dcm", colour, off=2)
even = np.repeat(colour[:, ::2][:, :6], 2, axis=1)
pairs = np.asarray(Image.fromarray(even).convert("YCbCr"))
half = np.stack([pairs[:, ::2, 0], pairs[:, 1::2, 0], pairs[:, ::2, 1], pairs[:, ::2, 2]], -1)
dicom("ybr422.dcm", half, SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=0, Columns=12)
case("ybr422.dcm", even, off=2)
lut = {f"{c}PaletteColorLookupTableDescriptor": [256, 0, 16] for c in ["Red", "Green", "Blue"]}
lut |= {
    f"{c}PaletteColorLookupTableData": (np.arange(256, dtype="uint16") * 257 // d).astype("<u2").tobytes()
    for c, d in [("Red", 1), ("Green", 2), ("Blue", 4)]
}
dicom("palette.dcm", scene, PhotometricInterpretation="PALETTE COLOR", **lut)
ramp = np.arange(256) * 257
case("palette.dcm", np.stack([(ramp // d)[scene] >> 8 for d in [1, 2, 4]], -1))
# Pixels that are no part of the image are black, and say nothing of the range.
padded = np.where(scene < 40, 65535, s16 * 16).astype("uint16")
dicom("padding.dcm", padded, BitsStored=16, PixelPaddingValue=65535)
case("padding.dcm", to8(np.where(scene < 40, padded[scene >= 40].min(), padded), 0, 4095))
dicom("sigmoid.dcm", s16 * 16, BitsStored=12, WindowCenter="2000", WindowWidth="1000", VOILUTFunction="SIGMOID")
case("sigmoid.dcm", code="HS4209", says="shown by the function SIGMOID")
case("sigmoid.dcm", to8(s16 * 16, 0, 4080), window="0,4080")
table8 = Dataset()
table8.add_new(0x00283002, "US", [256, 0, 8])
table8.add_new(0x00283006, "OW", bytes(range(256)))
dicom("shown.dcm", scene, VOILUTSequence=Sequence([table8]))
case("shown.dcm", code="HS4209", says="shown by a look-up table")
case("shown.dcm", scene, window="0,255")
table8.ModalityLUTType = "US"
dicom("modality.dcm", scene, ModalityLUTSequence=Sequence([table8]))
case("modality.dcm", code="HS4208", says="modality look-up table")
dicom("frames.dcm", np.stack([scene] * 2), NumberOfFrames=2)
case("frames.dcm", code="HS4210", says="2 images")
dicom("spacing.dcm", scene, PixelSpacing=["0.3", "0.2"])
case("spacing.dcm", scene, spacing={"x": 0.2, "y": 0.3})


def region(x, y, units=3):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0 = item.RegionLocationMinY0 = 0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = W - 1, H - 1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = x, y
    return item


dicom("regions.dcm", colour, SequenceOfUltrasoundRegions=Sequence([region(0.006, 0.007)]))
case("regions.dcm", colour, spacing={"x": 0.06, "y": 0.07})
dicom(
    *("placed.dcm", scene),
    **{"PatientName": "Müller^Ada", "SpecificCharacterSet": "ISO_IR 100", "PixelSpacing": ["0.3", "0.2"]},
    **{"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.2", "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.3"},
    **{"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.4", "ImagePositionPatient": [10.5, -20, 30]},
    **{"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
)
case("placed.dcm", scene, spacing={"x": 0.2, "y": 0.3})
dicom("differing.dcm", colour, SequenceOfUltrasoundRegions=Sequence([region(0.006, 0.007), region(0.01, 0.01)]))
case("differing.dcm", colour, spacing={})
for name, uid in [("jpeg2000", "1.2.840.10008.1.2.4.90"), ("jpegls", "1.2.840.10008.1.2.4.80"), ("lossless", "1.2.840.10008.1.2.4.70")]:
    data = dicom(f"{name}.dcm", scene)
    data.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = uid
    data.save_as(at(f"{name}.dcm"))
    case(f"{name}.dcm", code="HS4208", says="JPEG")
import io

for name, image, photometric in [("jpeg", Image.fromarray(scene), "MONOCHROME2"), ("jpeg-colour", Image.fromarray(colour), "YBR_FULL_422")]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=100, subsampling=0)
    data = dicom(f"{name}.dcm", np.asarray(image), PhotometricInterpretation=photometric)
    data.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    data.save_as(at(f"{name}.dcm"))
    case(f"{name}.dcm", np.asarray(image), off=6)

# --- NIfTI: spacing, units, scaling -------------------------------------------------------------------------------------------------------------------
image = nibabel.Nifti1Image(scene.T.copy(), np.diag([-0.2, -0.3, 1, 1]))
image.header.set_xyzt_units("mm")
image.to_filename(at("millimetres.nii.gz"))
case("millimetres.nii.gz", scene, spacing={"x": 0.2, "y": 0.3})
image = nibabel.Nifti1Image(s16.T.copy(), np.eye(4))
image.header.set_slope_inter(2, 10)
image.header["cal_min"], image.header["cal_max"] = 10, 520
image.to_filename(at("scaled.nii"))
stored = np.asarray(nibabel.load(at("scaled.nii")).get_fdata()).T
case("scaled.nii", to8(stored, 10, 520))
rgb = np.zeros((W, H), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
for i, c in enumerate("RGB"):
    rgb[c] = colour[..., i].T
nibabel.Nifti1Image(rgb, np.eye(4)).to_filename(at("rgb.nii"))
case("rgb.nii", colour)
nibabel.Nifti1Image(np.asfortranarray(s16.T[None].astype(">i2")), np.eye(4), nibabel.Nifti1Header(endianness=">")).to_filename(at("first.nii"))
case("first.nii", scene)

nibabel.Nifti1Image((scene.T > 127).astype("uint8"), np.eye(4)).to_filename(at("othermask.nii"))

with open(at("cases.json"), "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases) + "\n]\n")
